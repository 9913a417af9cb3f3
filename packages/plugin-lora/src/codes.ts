// Codes of this package's errors and warnings, with what they mean; docs/errors.md is made from such lists.
export const CODES = {
  'adapter/changed-base':
    'Adapters were trained from a start that changes the base model (PiSSA, OLoRA), and that base is not in the file.',
  'adapter/changed-since-merge':
    'A merged model or its record was changed after the merge, so the record cannot take the adapters out.',
  'adapter/damaged-settings':
    'The settings of adapters (adapter_config.json, lora_adapter_metadata) hold values that cannot be.',
  'adapter/does-not-fit': 'Tensors of an adapter have other shapes than the layers of the model.',
  'adapter/double-key': 'Two keys of a file hold the same part of an adapter.',
  'adapter/empty': 'A file holds no adapters.',
  'adapter/merge-record-damaged': 'The record of a merge (likeness.undo) is damaged or of another kind.',
  'adapter/models-differ': 'Two models whose difference is wanted do not have the same weights.',
  'adapter/no-file': 'A folder holds no file of adapters that could be meant.',
  'adapter/no-merge-record': 'DoRA cannot be taken out of a model without the record of its merge.',
  'adapter/no-such-layer': 'A target or pattern names no layer of the model.',
  'adapter/no-such-spelling': 'A format of adapter files has no way to say these adapters.',
  'adapter/no-such-weight': "The model's files lack a weight that an adapter lies over.",
  'adapter/not-a-sum': 'Adapters that cannot be joined into one LoRA of the sum of their ranks.',
  'adapter/not-adapters': 'A file holds something else than adapters: a model, an embedding.',
  'adapter/not-finite': 'Adapters hold NaN or infinite numbers.',
  'adapter/options-do-not-fit': 'Options of LoRA that cannot be used together.',
  'adapter/other-family': 'Adapters are for a family of models that is not read (SDXL, FLUX, …).',
  'adapter/other-model': 'Adapters are for a model of another size, or another version of Stable Diffusion.',
  'adapter/peft-is-a-folder': "PEFT's format is a folder, and a file was named.",
  'adapter/pickle': 'A file of adapters is a pickle, which may hold any program; it is not opened.',
  'adapter/several-files': 'A folder holds several files of adapters for the same layers.',
  'adapter/unknown-keys': 'A file holds keys that belong to no layer of the model.',
  'adapter/unknown-kind': 'Adapters are of a kind that is not read (IA3, OFT, AdaLoRA, …).',
  'adapter/unknown-order': 'A file numbers the layers in an order that is not known.',
} as const satisfies Readonly<Record<string, string>>;
