// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'embedding/does-not-fit': "Learned vectors have another width than the model's.",
  'embedding/empty': 'A file of learned vectors holds none.',
  'embedding/initializer': 'The vectors of a new word cannot start from what the options say.',
  'embedding/no-token-table': 'The text encoder has no single table of token vectors.',
  'embedding/no-word': 'Nothing says what the new word is called, or what is said cannot be a word.',
  'embedding/not-an-embedding': 'A file is no file of learned vectors.',
  'embedding/not-finite': 'Learned vectors hold NaN or infinite numbers.',
  'embedding/other-model': 'Learned vectors are for another kind of model.',
  'embedding/pickle': 'A file of learned vectors is a pickle, which may hold any program; it is not opened.',
  'embedding/prompt-without-word': 'The instance prompt does not hold the new word.',
  'embedding/word-is-a-format': 'A word would be taken for the name of a format.',
} as const satisfies Readonly<Record<string, string>>;
