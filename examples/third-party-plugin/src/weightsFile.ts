// The small file: what diffusers' `save_attn_procs` writes, so that `load_attn_procs` reads it.
//
// diffusers 0.42 leaves out of safetensors what it needs for loading: an entry for every self-attention, saying that
// nothing trained there. An empty tensor of that name says the same and can be stored.
import { join } from 'node:path';
import {
  readSafetensorsHeader,
  readTensor,
  SAFETENSORS_DTYPE,
  trainedValues,
  writeSafetensors,
  type DiffusionModel,
  type ExportTarget,
  type Parameter,
  type TensorSource,
} from '@likeness/core';

export const WEIGHTS_FILE = 'pytorch_custom_diffusion_weights.safetensors';

/** A layer of the cross-attention. */
export type Part = 'to_k' | 'to_v' | 'to_q' | 'to_out.0';

/** `….attn2.to_out.0.bias` → `….attn2`, `to_out`, `.0`, `.bias` */
const CROSS_ATTENTION = /^(.+\.attn2)\.(to_[a-z]+)(\.0)?(\.weight|\.bias)$/;
/** `….attn2.processor.to_out_custom_diffusion.0.bias` */
const IN_FILE = /^(.+\.attn2)\.processor\.(to_[a-z]+)_custom_diffusion(\.0)?(\.weight|\.bias)$/;
const SELF_ATTENTION = /^(.+\.attn1)\.to_q\.weight$/;

/** The model's weights of these parts of the cross-attention, biases included. */
export function crossAttentionKeys(
  { noisePredictor }: DiffusionModel,
  parts: readonly Part[],
): readonly Parameter[] {
  return [...noisePredictor.parameters.entries().values()].filter(({ key }) => {
    const [, , layer = '', index = ''] = CROSS_ATTENTION.exec(key) ?? [];
    return (parts as readonly string[]).includes(`${layer}${index}`);
  });
}

/** @returns the file written, relative to the target's folder */
export async function writeTrainedWeights(
  target: ExportTarget,
  trained: readonly Parameter[],
): Promise<string[]> {
  const { folder, model, options } = target;
  const { parameters } = model.noisePredictor;
  const values = await trainedValues(
    target,
    trained.map(({ key }) => ({ key, variable: parameters.variableName(key) })),
  );
  const tensors = trained.map(({ key, shape }): TensorSource => {
    const name = key.replace(CROSS_ATTENTION, '$1.processor.$2_custom_diffusion$3$4');
    return {
      name,
      dtype: SAFETENSORS_DTYPE[options.dtype],
      shape,
      data: () => values.get(key) ?? new Float32Array(),
    };
  });
  const untrained = [...parameters.entries().keys()].flatMap((key): TensorSource[] => {
    const path = SELF_ATTENTION.exec(key)?.[1];
    if (path === undefined) return [];
    return [{ name: `${path}.processor`, dtype: 'F32', shape: [0], data: () => new Float32Array() }];
  });
  await writeSafetensors(join(folder, WEIGHTS_FILE), [...tensors, ...untrained], options.metadata);
  return [WEIGHTS_FILE];
}

/**
 * Reads the small file.
 * @returns values by the name of the model's variable
 */
export async function readTrainedWeights(
  path: string,
  { noisePredictor }: DiffusionModel,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, entry] of (await readSafetensorsHeader(path)).tensors) {
    if (!IN_FILE.test(name)) continue;
    const key = name.replace(IN_FILE, '$1.$2$3$4');
    values.set(noisePredictor.parameters.variableName(key), await readTensor(entry));
  }
  return values;
}
