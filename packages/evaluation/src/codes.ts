// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'watch/drift': 'Warning: pictures of other prompts drift from those of the base model.',
  'watch/memorised': 'Warning: the instance pictures are being memorised.',
  'watch/nothing-to-gain': 'Warning: the subject is as like its pictures as these are to each other.',
} as const satisfies Readonly<Record<string, string>>;
