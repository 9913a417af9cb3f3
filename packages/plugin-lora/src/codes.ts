// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'adapter/changed-since-merge':
    'A merged model was changed after the merge, so its record cannot take the adapters out.',
  'adapter/does-not-fit': 'Tensors of an adapter have other shapes than the layers of the model.',
  'adapter/empty': 'A file holds no adapters.',
  'adapter/merge-record-damaged': 'The record of a merge (likeness.undo) is damaged or of another kind.',
  'adapter/models-differ': 'Two models whose difference is wanted do not have the same weights.',
  'adapter/no-file': 'A folder holds no file of adapters that could be meant.',
  'adapter/no-merge-record': 'DoRA cannot be taken out of a model without the record of its merge.',
  'adapter/no-such-layer': 'A target or pattern names no layer of the model.',
  'adapter/no-such-spelling': 'A format of adapter files has no way to say these adapters.',
  'adapter/no-such-weight': "The model's files lack a weight that an adapter lies over.",
  'adapter/not-a-sum': 'Adapters that cannot be joined into one LoRA of the sum of their ranks.',
  'adapter/options-do-not-fit': 'Options of LoRA that cannot be used together.',
  'adapter/peft-is-a-folder': "PEFT's format is a folder, and a file was named.",
  'adapter/pickle': 'A file of adapters is a pickle, which may hold any program; it is not opened.',
  'adapter/unknown-keys': 'A file holds keys that belong to no layer of the model.',
  'adapter/unknown-order': 'A file numbers the layers in an order that is not known.',
} as const satisfies Readonly<Record<string, string>>;
