// Why a file of adapters is refused, in a message that fits on a screen: for another model, of another kind, damaged.
import { WeightsError, type TensorEntry } from '@likeness/core';
import type { AdaptableLayer } from '../layers.ts';
import {
  describeModel,
  familyOfHeader,
  familyOfKeys,
  familyOfWidth,
  textWidthOfFile,
  textWidthOfModel,
} from './modelFamily.ts';
import { modelNamed } from './namedModel.ts';
import { firstOf, shown } from './shown.ts';
import { splitKey } from './spellings.ts';

/** What was found when the keys of a file were looked up in a model. */
export interface Findings {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The model's. */
  readonly layers: readonly AdaptableLayer[];
  /** Keys that are no part of an adapter of the model. */
  readonly unknown: readonly TensorEntry[];
  /** Layers whose adapters have the right sizes, and a line for each that do not fit. */
  readonly fitting: number;
  readonly misfits: readonly string[];
}

/** The error for keys that are not known or tensors that do not fit; undefined when everything does. */
export function refusalOf(findings: Findings): WeightsError | undefined {
  const { path, unknown, misfits } = findings;
  if (unknown.length === 0 && misfits.length === 0) return undefined;
  const other = unknown.length > 0 ? (noAdapters(findings) ?? unknownKind(findings)) : undefined;
  return (
    otherModel(findings) ??
    other ??
    (unknown.length > 0
      ? new WeightsError('keys that are no adapter of this model', {
          code: 'adapter/unknown-keys',
          where: path,
          expected:
            'LoRA, LoCon, LoHa, LoKr or DoRA for layers that the model has, and words for its one text encoder (bundle_emb.WORD.clip_l)',
          details: firstOf(unknown.map(described)),
          hint: 'use the model they were trained on, or get the file again',
        })
      : new WeightsError('adapters that do not fit the model', {
          code: 'adapter/does-not-fit',
          where: path,
          details: firstOf(misfits),
          expected: `adapters for ${describeModel(findings.layers)}`,
          hint: 'use the model they were trained on, or get the file again',
        }))
  );
}

const described = ({ name, shape }: TensorEntry): string => `${shown(name)} [${shape.join()}]`;

/** Adapters of another family, or of a model of another size. */
function otherModel({
  path,
  tensors,
  metadata,
  layers,
  unknown,
  fitting,
  misfits,
}: Findings): WeightsError | undefined {
  const byKeys = familyOfKeys(unknown.map(({ name }) => name));
  const header = familyOfHeader(metadata);
  const [width, wanted] = [textWidthOfFile(tensors), textWidthOfModel(layers)];
  const isOtherWidth = width !== undefined && wanted !== undefined && width !== wanted;
  // One tensor that does not fit is damaged; where most do not, they are another model's.
  const isOtherSize = misfits.length > fitting && unknown.length === 0;
  if (!byKeys && !isOtherWidth && !isOtherSize) return undefined;
  // Tools write sd_v1 into adapters of small models, too: a width that is not that family's says more.
  const byHeader = width !== undefined && familyOfWidth(width) === undefined ? undefined : header?.name;
  const name = byKeys?.name ?? (isOtherWidth ? familyOfWidth(width) : undefined) ?? byHeader;
  const trainedOn = modelNamed(metadata);
  const signs = [
    ...(byKeys ? [byKeys.sign] : []),
    ...(width === undefined ? [] : [`text states ${width} wide`]),
    ...(header && name === header.name ? [header.sign] : []),
  ];
  return new WeightsError('these adapters are for another model', {
    code: byKeys ? 'adapter/other-family' : 'adapter/other-model',
    where: path,
    details: byKeys ? [] : misfits.slice(0, 2),
    expected: `adapters for ${describeModel(layers)}`,
    got: `adapters for ${name ?? 'one of another size'}${signs.length > 0 ? ` (${signs.join('; ')})` : ''}`,
    hint: byKeys
      ? 'get their version for Stable Diffusion 1.x or 2.x, whichever the model is: no other family is read'
      : `use the model they were trained on${trainedOn === undefined ? '' : `: ${shown(trainedOn)}`}`,
  });
}

const MODEL =
  /^(?:model\.diffusion_model|first_stage_model|cond_stage_model|conditioner)\.|^(?:unet\.)?(?:conv_in|time_embedding)\b|^text_model\.embeddings\b/;
const EMBEDDING = /^(?:emb_params|clip_[lg]|string_to_param(?:\.\*)?|\*|<.+>)$/;

/** A model, an embedding or something else, whose keys are no adapter's in any spelling. */
function noAdapters({ path, tensors }: Findings): WeightsError | undefined {
  const entries = [...tensors.values()];
  if (entries.some(({ name }) => splitKey(name) !== undefined || KINDS.some(([sign]) => sign.test(name))))
    return undefined;
  const isModel = entries.some(({ name }) => MODEL.test(name));
  const isEmbedding = entries.length <= 2 && entries.some(({ name }) => EMBEDDING.test(name));
  return new WeightsError('not a file of adapters', {
    code: 'adapter/not-adapters',
    where: path,
    expected: 'LoRA, LoCon, LoHa, LoKr or DoRA',
    got: isModel ? 'a model' : isEmbedding ? 'an embedding' : firstOf(entries.map(described)).join(', '),
    hint: isModel
      ? 'name it as the model; pipeline extract makes adapters of what distinguishes two models'
      : isEmbedding
        ? 'use it as an embedding (pipeline generate --embedding)'
        : undefined,
  });
}

/** Ends of keys of kinds that are not read. */
const KINDS: readonly (readonly [key: RegExp, kind: string])[] = [
  [/\.oft_|\.boft_/, 'OFT or BOFT'],
  [/\.diff(?:_b)?$/, 'whole changes of weights (LyCORIS full)'],
  [/\.[wb]_norm$/, 'changes of norm layers'],
  [/\.[ab][12]\.weight$|\.bm$/, 'GLoRA'],
  [/\.lora_E\b/, 'AdaLoRA'],
  [/vera_lambda/, 'VeRA'],
  [/\.ia3_l|\.on_input$/, 'IA3'],
  [/\.lora_[B]\.bias$|\.lora_up\.bias$/, 'LoRA with biases'],
];

function unknownKind({ path, unknown }: Findings): WeightsError | undefined {
  const found = KINDS.flatMap(([sign, kind]) => {
    const own = unknown.filter(({ name }) => sign.test(name));
    const [first] = own;
    return first ? [`${kind}: ${own.length} keys, the first is ${described(first)}`] : [];
  });
  if (found.length === 0) return undefined;
  return new WeightsError('adapters of a kind that is not read', {
    code: 'adapter/unknown-kind',
    where: path,
    details: firstOf(found),
    expected: 'LoRA, LoCon, LoHa, LoKr or DoRA',
    hint: 'merge them into their model with the tool that made them; pipeline extract makes a LoRA of the difference',
  });
}
