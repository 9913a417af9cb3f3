// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'config/contradiction': 'Options contradict each other.',
  'config/no-class': 'Nothing says what class the subject is of.',
  'plugin/no-prior': 'A loss term needs class pictures, and the batch has none.',
} as const satisfies Readonly<Record<string, string>>;
