// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'ablation/axis-without-effect': 'An axis of a matrix is no option of any of its recipes.',
  'ablation/bad-axis': 'An axis of a matrix cannot be read, has no values, or has one twice.',
  'ablation/bad-baseline': 'The baseline of a matrix or a report is none of its cells.',
  'ablation/bad-budget': 'An equal budget cannot be given to the cells of a matrix.',
  'ablation/bad-fraction': 'A fractional design is impossible with these axes or generators.',
  'ablation/bad-message':
    'A message of a worker or the queue, or a result, is not what it should be: another version, or damage.',
  'ablation/bad-matrix': 'Keys of a matrix are unknown or of the wrong kind; every one is named.',
  'ablation/no-queue': 'No Redis answers at the address of the queue.',
  'ablation/not-for-data':
    'A matrix in YAML or JSON, or a message of the queue, names code to run or folders to write into.',
  'ablation/nothing-to-report': 'A report was asked for without any cell.',
  'ablation/other-cell':
    'A worker would make another cell than was asked for: versions, model or pictures differ.',
  'ablation/outside':
    'A store, a result or a report leads out of the folder it belongs to: by a name, or by a link that was put there.',
  'ablation/queue-away': 'Warning: Redis does not answer; cells go on when it does.',
  'ablation/queue-back': 'Warning: Redis answers again.',
  'ablation/queue-lost-cells':
    'Warning: Redis came back without cells that were asked for; they are put back.',
  'ablation/report-missing': 'A folder holds no report.',
  'ablation/report-version': 'A report was written by another version of Likeness.',
  'ablation/result-damaged': 'A file of a result is not what its hash says.',
  'ablation/result-missing': 'A result, or a file of it, is missing in the store.',
  'ablation/results-differ': 'Two machines made different results of one cell.',
  'ablation/store-refused': 'A store of results that speaks S3 did not do what it was asked.',
  'ablation/unknown-store': 'A store of results is neither a folder nor S3.',
} as const satisfies Readonly<Record<string, string>>;
