// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'pretrain/captions-without-columns': 'Captions do not say what should be measured.',
  'pretrain/damaged-plan': 'The plan of the steps of a pretraining run is damaged.',
  'pretrain/encoder-lacks': 'The encoder that training goes on from lacks a part.',
  'pretrain/minutes-over': 'Warning: the minutes were over before the planned steps.',
  'pretrain/no-columns': 'Warning: the data have no columns to learn from.',
  'pretrain/no-end': 'Nothing says when pretraining ends.',
  'pretrain/no-model': 'Nothing says which model is pretrained.',
  'pretrain/no-pictures': 'No pictures are left to train on or to measure with.',
  'pretrain/no-subjects': 'The list of subjects that a judge is measured with is missing or damaged.',
  'pretrain/nothing-held-out': 'Warning: no picture is held out, so measures are made on training pictures.',
  'pretrain/pictures-missing': 'Pictures that metadata.jsonl names are not there.',
  'pretrain/settings-do-not-fit': 'Settings of pretraining do not fit the model.',
  'pretrain/unusable-pictures': 'Captioned pictures cannot be used; what is wrong is named.',
} as const satisfies Readonly<Record<string, string>>;
