// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'pretrain/minutes-over': 'Warning: the minutes were over before the planned steps.',
  'pretrain/no-columns': 'Warning: the data have no columns to learn from.',
  'pretrain/nothing-held-out': 'Warning: no picture is held out, so measures are made on training pictures.',
} as const satisfies Readonly<Record<string, string>>;
