// What exports of methods are made of: the whole model, a file of chosen variables, or their values. Where a run keeps a
// moving average of its weights, that is what is written.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor } from '@likeness/engine';
import type { ExportOptions, ExportTarget, WeightsSource } from '../contracts.ts';
import type { WeightLayout } from '../model/parameters.ts';

/** Names of number types as safetensors files spell them. */
export const SAFETENSORS_DTYPE = {
  fp32: 'F32',
  fp16: 'F16',
  bf16: 'BF16',
} as const satisfies Readonly<Record<ExportOptions['dtype'], string>>;

/** A variable to write. */
export interface TrainedTensor {
  /** Its name in the file. */
  readonly key: string;
  /** Name of the variable: `parameters.variableName(key)`, or what `createVariable` was given. */
  readonly variable: string;
  /** How the variable lies in memory; a `Parameter` says so. Default `asIs`; files hold what checkpoints hold. */
  readonly layout?: WeightLayout;
}

/**
 * Writes the whole model as a folder (or single file, as the run's options say) that any tool opens: what a method that
 * moves the model's own weights exports.
 * @param changed names of the components that trained: `unet`, `text_encoder`; the others are copied byte for byte
 * @returns the files written, relative to the target's folder
 */
export function exportModel(target: ExportTarget, changed: readonly string[]): Promise<string[]> {
  const { folder, model, options } = target;
  const weights: WeightsSource = {
    save: (path, tensors, metadata) =>
      target.weights.save(
        path,
        tensors.map((tensor) => ({ ...tensor, variable: target.variableFor(tensor.variable) })),
        metadata,
      ),
  };
  return model.export(folder, weights, changed, options);
}

/**
 * Writes variables as one safetensors file, in the number type the run exports and with its settings in the metadata.
 * @param file name in the target's folder
 * @returns the files written, relative to the target's folder
 */
export async function exportTensors(
  { folder, weights, options, variableFor }: ExportTarget,
  file: string,
  tensors: readonly TrainedTensor[],
): Promise<string[]> {
  const dtype = SAFETENSORS_DTYPE[options.dtype];
  const saved = tensors.map(
    ({ key, variable, layout = 'asIs' }) =>
      ({ key, variable: variableFor(variable), dtype, layout }) as const,
  );
  await weights.save(join(folder, file), saved, options.metadata);
  return [file];
}

/**
 * The values after training, for exports that compute something from them.
 * @returns by key, flat, as a checkpoint holds them
 */
export async function trainedValues(
  { folder, weights, variableFor }: ExportTarget,
  tensors: readonly TrainedTensor[],
): Promise<Map<string, Float32Array>> {
  // Values live in the engine process, which writes files: they come over one.
  const path = join(folder, '.trained.safetensors');
  const saved = tensors.map(
    ({ key, variable, layout = 'asIs' }) =>
      ({ key, variable: variableFor(variable), dtype: 'F32', layout }) as const,
  );
  try {
    await weights.save(path, saved, {});
    const values = new Map<string, Float32Array>();
    for (const [key, entry] of (await readSafetensorsHeader(path)).tensors) {
      values.set(key, await readTensor(entry));
    }
    return values;
  } finally {
    await rm(path, { force: true });
  }
}
