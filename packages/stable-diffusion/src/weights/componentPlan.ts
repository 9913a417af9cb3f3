// What becomes of the files of one component when a model is written as a diffusers folder.

import { basename, join } from 'node:path';
import { readSafetensorsHeader, WeightsError, type TensorEntry } from '@likeness/engine';
import { readTextIfPresent } from '../modelJson.ts';
import { componentsOf, fileNames, type ComponentName, type ModelFiles } from './modelFiles.ts';
import { chooseFilesOfStem } from './weightFiles.ts';

export type WeightsDtype = 'F32' | 'F16' | 'BF16';

/** Weights the engine has to write. */
export interface ComponentToSave {
  readonly component: ComponentName;
  /** Relative to the folder. */
  readonly path: string;
  /** In the order of the file this model came from. */
  readonly tensors: readonly {
    readonly key: string;
    readonly shape: readonly number[];
    readonly dtype: WeightsDtype;
  }[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface DiffusersFolderPlan {
  /** Files taken over byte for byte. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
  /** Files written from text. */
  readonly texts: readonly { readonly path: string; readonly text: string }[];
  /** Unchanged weights that need another dtype or another name than the files they lie in. */
  readonly converted: readonly {
    readonly path: string;
    readonly entries: readonly TensorEntry[];
    readonly dtype: WeightsDtype;
  }[];
  readonly saves: readonly ComponentToSave[];
}

/** A plan while it is made. */
export type OpenPlan = { [Part in keyof DiffusersFolderPlan]: DiffusersFolderPlan[Part][number][] };

const DTYPE_FIELD = /("(?:torch_)?dtype"\s*:\s*)(?:"[^"\\]*"|null)/g;

/**
 * The text of a config whose component loads as float32, whatever its weights are stored in: `from_pretrained(folder)`
 * makes UNet and autoencoder float32, but a transformers model of the dtype that its config names, or else its weights
 * have, and a pipeline of both does not draw. With `torch_dtype=...` all get that one, as before.
 */
export function asFloat32(text: string, dtype: WeightsDtype): string {
  const changed = text.replace(DTYPE_FIELD, '$1"float32"');
  const isTold = changed.search(DTYPE_FIELD) >= 0 || /"_class_name"\s*:/.test(text);
  if (isTold || dtype === 'F32') return changed;
  return changed.replace(/^\s*\{(?=\s*")/, '{\n  "dtype": "float32",');
}

/** Copies a config, changed where its component would load in another dtype than the rest. */
export async function planConfig(
  plan: OpenPlan,
  from: string,
  to: string,
  dtype: WeightsDtype,
): Promise<void> {
  const text = ((await readTextIfPresent(from)) ?? '').replace(/^\uFEFF/, '');
  const changed = asFloat32(text, dtype);
  if (changed === text) plan.copies.push({ from, to });
  else plan.texts.push({ path: to, text: changed });
}

/**
 * Weights that stay as they are: copied byte for byte where their files have plain names and the dtype, else written
 * into one file. A variant's names (`.fp16.safetensors`) would be found by `from_pretrained(folder, variant=...)` only.
 * @param path of the one file, relative to the folder
 */
export function planWeights(
  plan: OpenPlan,
  files: readonly string[],
  entries: readonly TensorEntry[],
  path: string,
  dtype: WeightsDtype,
): void {
  const isRight = files.length > 0 && entries.every((entry) => isCounting(entry) || entry.dtype === dtype);
  const [only] = files;
  if (isRight && only !== undefined && files.length === 1) plan.copies.push({ from: only, to: path });
  else if (isRight && files.every((file) => isPlainName(basename(file)))) {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    plan.copies.push(...files.map((from) => ({ from, to: `${folder}${basename(from)}` })));
  } else plan.converted.push({ path, entries, dtype });
}

/** Names of shards and of their index without a variant in them. */
const isPlainName = (name: string): boolean =>
  /^[a-z_]+(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name);

/**
 * A component beside the networks: its config and its weights, if any, in plain names.
 * @returns false when there is nothing that diffusers could load
 */
export async function planFurther(
  plan: OpenPlan,
  folder: string,
  name: string,
  dtype: WeightsDtype,
): Promise<boolean> {
  const place = join(folder, name);
  const names = await fileNames(place);
  if (names.length === 0) return false;
  for (const file of names.filter((one) => !isWeights(one))) {
    const [from, to] = [join(place, file), `${name}/${file}`];
    if (file === 'config.json') await planConfig(plan, from, to, dtype);
    else plan.copies.push({ from, to });
  }
  if (!names.some(isWeights)) return true;
  for (const stem of ['model', 'diffusion_pytorch_model']) {
    const choice = chooseFilesOfStem(stem, names);
    if (choice === undefined) continue;
    const entries: TensorEntry[] = [];
    for (const file of choice.files)
      entries.push(...(await readSafetensorsHeader(join(place, file))).tensors.values());
    const files = [...choice.files, ...(choice.index === undefined ? [] : [choice.index])];
    planWeights(
      plan,
      files.map((file) => join(place, file)),
      entries,
      `${name}/${stem}.safetensors`,
      dtype,
    );
    return true;
  }
  // only pickles: theirs to open, under the name that is looked for
  const pickle = names.find((one) => /^(pytorch_model|diffusion_pytorch_model)(\.\w+)?\.bin$/.test(one));
  if (pickle !== undefined)
    plan.copies.push({ from: join(place, pickle), to: `${name}/${pickle.replace(/\.\w+\.bin$/, '.bin')}` });
  return pickle !== undefined;
}

const isWeights = (name: string): boolean =>
  /\.(safetensors|bin|ckpt|pt|pth|pkl|msgpack|onnx|h5)$|\.index\.(\w+\.)?json$/.test(name);

/** Whether a name from model_index.json is one of a folder beside it. */
export const isFolderName = (name: string): boolean => /^\w[\w.-]*$/.test(name);

/** The dtype all weights have, or float32, which holds every other. */
export function commonDtype(model: Pick<ModelFiles, 'components'>): WeightsDtype {
  const found = new Set(componentsOf(model).flatMap(({ tensors }) => [...tensors.values()].map(floatDtype)));
  const [only] = found;
  return only !== undefined && found.size === 1 ? only : 'F32';
}

/** @throws WeightsError when a tensor is no weight */
export function floatDtype({ name, dtype, file }: TensorEntry): WeightsDtype {
  if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') return dtype;
  throw new WeightsError(`${name} does not hold floating-point weights`, {
    code: 'model/number-type',
    where: file,
    expected: 'F32, F16 or BF16',
    got: dtype,
    hint: 'Use a version of this model in float32, float16 or bfloat16.',
  });
}

/** Position ids and the like: no weights, whatever dtype those get. */
export const isCounting = ({ dtype }: Pick<TensorEntry, 'dtype'>): boolean => /^(BOOL|[IU]\d+)$/.test(dtype);
