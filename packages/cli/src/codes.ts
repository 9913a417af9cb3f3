// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'ablation/no-report': 'Warning: a report of a matrix could not be written.',
  'evaluation/no-judges': 'Warning: no judges are named, so there will be no scores.',
  'plugin/not-loaded': 'Warning: an installed plugin could not be loaded.',
  'prompt/unknown-category': 'Warning: the bundled prompts have no such category.',
  'prompt/unknown-noun': 'Warning: the bundled model does not know this noun.',
  'run/little-memory': 'Warning: the machine may have too little memory for the run.',
} as const satisfies Readonly<Record<string, string>>;
