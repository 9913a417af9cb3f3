// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {} as const satisfies Readonly<Record<string, string>>;
