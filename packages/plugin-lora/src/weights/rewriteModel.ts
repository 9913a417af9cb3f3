// A model written again with other weights: it writes itself as after training, and takes what changed from here instead
// of from the engine. A tensor at a time; no model is ever whole in memory.
import {
  readTensor,
  WeightsError,
  writeSafetensors,
  type DiffusionModel,
  type ModelComponent,
  type ModelExportOptions,
  type TensorEntry,
  type WeightsSource,
} from '@likeness/core';
import type { FloatDtype } from '../files/storedNumbers.ts';
import { componentOf } from '../layers.ts';
import type { WeightedAdapter } from './adaptedWeight.ts';

export interface RewriteOptions extends ModelExportOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface Rewritten {
  /** Written, relative to the folder. */
  readonly files: readonly string[];
  /** How many weights went through `change`. */
  readonly changed: number;
}

export interface Place {
  /** `unet.mid_block.….weight` */
  readonly weight: string;
  readonly entry: TensorEntry;
  /** What it is written as. */
  readonly dtype: FloatDtype;
  readonly adapters: readonly WeightedAdapter[];
}

/** Lets the model write itself, with the weights that have adapters from `change`. */
export async function rewriteModel(
  model: DiffusionModel,
  byWeight: ReadonlyMap<string, readonly WeightedAdapter[]>,
  path: string,
  {
    onProgress,
    signal,
    headers,
    ...options
  }: RewriteOptions & { readonly headers?: Readonly<Record<string, Readonly<Record<string, string>>>> },
  change: (place: Place) => Promise<ArrayBufferView>,
): Promise<Rewritten> {
  const names = (['unet', 'text_encoder'] as const).filter((name) =>
    [...byWeight.keys()].some((weight) => weight.startsWith(`${name}.`)),
  );
  const components = names.map((name) => componentOf(model, name));
  let done = 0;
  const source: WeightsSource = {
    async save(file, tensors, metadata) {
      const component = ownerOf(tensors[0]?.variable ?? '', components);
      const header = headers?.[component.name] ?? metadata;
      const sources = tensors.map(({ key, dtype }) => {
        const weight = `${component.name}.${key}`;
        const entry = component.tensors.get(key);
        if (entry === undefined)
          throw new WeightsError('the model’s files lack a weight', {
            code: 'adapter/no-such-weight',
            where: weight,
          });
        const adapters = byWeight.get(weight);
        const data = async (): Promise<ArrayBufferView> => {
          signal?.throwIfAborted();
          if (adapters === undefined) return readTensor(entry);
          const changed = await change({ weight, entry, dtype, adapters });
          onProgress?.(++done, byWeight.size);
          return changed;
        };
        return { name: key, dtype, shape: entry.shape, data };
      });
      await writeSafetensors(file, sources, header);
    },
  };
  onProgress?.(0, byWeight.size);
  const written = await model.export(path, source, names, options);
  return { files: written, changed: byWeight.size };
}

function ownerOf(variable: string, components: readonly ModelComponent[]): ModelComponent {
  const owner = components.find(({ name }) => variable.startsWith(`${name}.`));
  if (owner === undefined) throw new Error(`${variable} is of no component that changes`);
  return owner;
}
