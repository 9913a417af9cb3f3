// Which files of a component's folder hold its weights. Pure, so a folder on disk and a listing of the Hub choose alike.

import type { ComponentName } from './modelFiles.ts';

export interface WeightFileChoice {
  /** The index, if the weights are in shards. */
  readonly index: string | undefined;
  /** The safetensors files, sorted. */
  readonly files: readonly string[];
}

const STEMS: Record<ComponentName, string> = {
  unet: 'diffusion_pytorch_model',
  vae: 'diffusion_pytorch_model',
  text_encoder: 'model',
};

/** Name of the weights file of a component, without shards and variant. */
export function weightFileName(component: ComponentName): string {
  return `${STEMS[component]}.safetensors`;
}

/**
 * Chooses among the file names of a component's folder: the wanted variant (`fp16` in `diffusion_pytorch_model.fp16.safetensors`),
 * else the plain files, else the only variant there is; one file before shards.
 * @returns undefined when there are no safetensors of this component
 */
export function chooseWeightFiles(
  component: ComponentName,
  names: readonly string[],
  variant?: string,
): WeightFileChoice | undefined {
  return chooseFilesOfStem(STEMS[component], names, variant);
}

/** As `chooseWeightFiles`, for a component of any kind. @param stem `model` (transformers) or `diffusion_pytorch_model` */
export function chooseFilesOfStem(
  stem: string,
  names: readonly string[],
  variant?: string,
): WeightFileChoice | undefined {
  const found = new Set(names.flatMap((name) => variantOf(stem, name) ?? []));
  const order = variant === undefined ? ['', ...[...found].sort()] : [variant, '', ...[...found].sort()];
  for (const candidate of order) {
    const choice = filesOfVariant(stem, names, candidate);
    if (choice !== undefined) return choice;
  }
  return undefined;
}

/** Pickles: weights in a form that runs code when it is opened. */
export function pickleFiles(names: readonly string[]): string[] {
  return names.filter((name) => /\.(bin|ckpt|pt|pth|pkl)$/.test(name));
}

function filesOfVariant(
  stem: string,
  names: readonly string[],
  variant: string,
): WeightFileChoice | undefined {
  const infix = variant === '' ? '' : `.${variant}`;
  const single = `${stem}${infix}.safetensors`;
  if (names.includes(single)) return { index: undefined, files: [single] };
  const index = `${stem}.safetensors.index${infix}.json`;
  if (!names.includes(index)) return undefined;
  // diffusers wrote the variant behind the shard's number before 0.28, in front of it since
  const files = names.filter(
    (name) => SHARD.test(name) && name.startsWith(stem) && variantOf(stem, name) === variant,
  );
  return { index, files: files.sort() };
}

const SHARD = /-\d{5}-of-\d{5}(\.\w+)?\.safetensors$/;

/** '' for a plain file, `fp16` for a variant's, undefined for a file that is none of the stem's weights. */
function variantOf(stem: string, name: string): string | undefined {
  if (!name.startsWith(stem)) return undefined;
  const match = /^(?:\.(\w+))?(?:-\d{5}-of-\d{5}(?:\.(\w+))?)?\.safetensors$/.exec(name.slice(stem.length));
  return match === null ? undefined : (match[1] ?? match[2] ?? '');
}
