// The spellings we write. One dialect a file: diffusers decides by the first key how to read all of them.
import type { TensorSource } from '@likeness/core';
import type { LoraFormat } from '../options.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import { elementsOf, type AdapterMethod, type Parts, type Shape } from '../adapters/adapter.ts';
import type { MagnitudeAxis } from '../adapters/magnitude.ts';
import type { FloatDtype } from './storedNumbers.ts';
import { withoutTextModel } from './spellings.ts';

const DTYPES = { fp32: 'F32', fp16: 'F16', bf16: 'BF16' } as const;
export type WeightsDtype = keyof typeof DTYPES;

/** An adapter with its values, to be written. */
export interface WrittenAdapter {
  readonly method: AdapterMethod;
  readonly layer: AdaptableLayer;
  readonly rank: number;
  readonly scale: number;
  readonly parts: Parts<WrittenPart>;
  /** DoRA's lengths; `in` is what older LyCORIS files have, and only kohya's spelling can say. */
  readonly magnitude?: Pick<WrittenPart, 'values' | 'dtype'> & { readonly axis?: MagnitudeAxis };
}

export interface WrittenPart {
  readonly shape: Shape;
  readonly values: Float32Array;
  /** The type it had where it came from, for files that keep it. */
  readonly dtype?: FloatDtype;
}

export interface WrittenTensor {
  readonly key: string;
  readonly shape: Shape;
  readonly values: Float32Array;
  readonly dtype?: FloatDtype;
  /** Stays float32 in files of half precision: rsLoRA's alpha is no round number. */
  readonly exact?: boolean;
}

const PEFT_NAMES: Readonly<Record<string, string>> = { down: 'lora_A.weight', up: 'lora_B.weight' };
const KOHYA_NAMES: Readonly<Record<string, string>> = { down: 'lora_down.weight', up: 'lora_up.weight' };

/** Alpha as files mean it: `scale = alpha / rank`. rsLoRA's root is in it, since no file but PEFT's could say so. */
export function alphaOf({ scale, rank }: Pick<WrittenAdapter, 'scale' | 'rank'>): number {
  const alpha = scale * rank;
  // A quotient times its divisor may miss the number it was made of by a rounding.
  const single = Math.fround(alpha);
  return Math.abs(single - alpha) <= 2 ** -51 * Math.abs(alpha) ? single : alpha;
}

/**
 * Path of a layer in PEFT's eyes. Its text encoder is the object in memory, which has no `text_model` level since
 * transformers 5.6.
 */
export const peftPath = ({ path }: AdaptableLayer): string => withoutTextModel(path);

/** Tensors of an adapter in a dialect. */
export function spelledOut(adapter: WrittenAdapter, format: LoraFormat): WrittenTensor[] {
  const { layer, parts, magnitude } = adapter;
  const module = moduleName(layer, format);
  const names = format === 'kohya' ? KOHYA_NAMES : PEFT_NAMES;
  const tensors: WrittenTensor[] = Object.entries(parts).map(([part, { shape, values, dtype }]) => ({
    key: `${module}.${names[part] ?? part}`,
    shape,
    values,
    ...(dtype ? { dtype } : {}),
  }));
  if (format === 'kohya')
    tensors.push({
      key: `${module}.alpha`,
      shape: [],
      values: Float32Array.of(alphaOf(adapter)),
      exact: true,
    });
  if (magnitude) {
    const { values, dtype, axis = 'out' } = magnitude;
    tensors.push({ ...magnitudeTensor(module, layer, format, axis), values, ...(dtype ? { dtype } : {}) });
  }
  return tensors;
}

function moduleName({ component, path }: AdaptableLayer, format: LoraFormat): string {
  switch (format) {
    case 'diffusers':
      return `${component}.${path}`;
    case 'peft':
      return `base_model.model.${withoutTextModel(path)}`;
    case 'kohya':
      return `${component === 'unet' ? 'lora_unet' : 'lora_te'}_${path.replaceAll('.', '_')}`;
  }
}

function magnitudeTensor(
  module: string,
  layer: AdaptableLayer,
  format: LoraFormat,
  axis: MagnitudeAxis,
): { key: string; shape: Shape } {
  const { out, inputs } = sizesOf(layer);
  const single = layer.shape.slice(1).map(() => 1);
  if (format === 'kohya') {
    const shape = axis === 'out' ? [out, ...single] : [1, inputs, ...single.slice(1)];
    return { key: `${module}.dora_scale`, shape };
  }
  const shape = layer.kind === 'linear' ? [out] : [1, out, ...single.slice(1)];
  return { key: `${module}.lora_magnitude_vector`, shape };
}

/**
 * In the order the reference library writes tensors: larger types first, then by key. Sizes must fit.
 * @param dtype of all tensors; `asIs`: each as it was, float32 where it is new
 */
export function inFileOrder(tensors: readonly WrittenTensor[], dtype: WeightsDtype | 'asIs'): TensorSource[] {
  const sources = tensors.map(({ key, shape, values, dtype: own = 'F32', exact = false }) => {
    if (elementsOf(shape) !== values.length)
      throw new Error(`${key}: ${values.length} values for [${shape.join()}]`);
    return {
      name: key,
      dtype: exact ? 'F32' : dtype === 'asIs' ? own : DTYPES[dtype],
      shape,
      data: () => values,
    };
  });
  const rank = (source: TensorSource): string => `${source.dtype === 'F32' ? 0 : 1} ${source.name}`;
  return sources.sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
}
