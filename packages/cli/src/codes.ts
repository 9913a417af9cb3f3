// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'ablation/no-report': 'Warning: a report of a matrix could not be written.',
  'adapter/models-are-equal': 'Two models have equal layers, so there is no LoRA in their difference.',
  'evaluation/no-judges': 'Warning: no judges are named, so there will be no scores.',
  'plugin/not-loaded': 'Warning: an installed plugin could not be loaded.',
  'prompt/unknown-category': 'Warning: the bundled prompts have no such category.',
  'prompt/unknown-noun': 'Warning: the bundled model does not know this noun.',
  'run/little-memory': 'Warning: the machine may have too little memory for the run.',
  'usage/contradiction': 'Flags of a command contradict each other.',
  'usage/flag-without-effect': 'A flag would change nothing beside the others.',
  'usage/no-such-format': 'A format does not exist for what is to be converted.',
  'usage/output-kind': 'A file is named where a folder is written, or the other way round.',
} as const satisfies Readonly<Record<string, string>>;
