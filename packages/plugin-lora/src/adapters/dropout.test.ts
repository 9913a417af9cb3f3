// Dropout against kohya's forward pass written out, and what is drawn for it.
import { createRng, tf, type LayerCall, type Tensor } from '@likeness/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AdaptableLayer } from '../layers.ts';
import { overlay } from './adapter.ts';
import { createDropout, type Dropout } from './dropout.ts';
import { lora } from './lora.ts';

const before = tf.getBackend();
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.setBackend(before));

const layer: AdaptableLayer = { component: 'unet', path: 'to_q', kind: 'linear', shape: [3, 4] };
const wave = (shape: number[], phase: number): Tensor =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.7 * i + phase)),
    shape,
  );
const [weight, x, down, up] = [wave([3, 4], 9), wave([2, 5, 4], 5), wave([2, 4], 1), wave([3, 2], 2)];
const flat = (input: Tensor, w: Tensor): Tensor =>
  tf.reshape(tf.matMul(tf.reshape(input, [-1, w.shape[1] ?? 1]), w, false, true), [2, 5, -1]);
const call: LayerCall = {
  kind: 'linear',
  path: 'to_q',
  input: x,
  weight,
  withWeight: (w) => flat(x, w),
  project: (w) => flat(x, w),
  base: () => flat(x, weight),
};

/** The masks of a step by the end of their names, in the shapes they are read with. */
function masksOf(dropout: Dropout): Record<string, Tensor> {
  const masks: Record<string, Tensor> = {};
  for (const input of dropout.inputs) {
    const kind = input.name.split('.').at(-1) ?? '';
    vi.spyOn(input, 'read').mockImplementation((shape) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = input.draw(createRng(3).stream(input.name, 0, 0), count);
      return (masks[kind] = tf.tensor(values, [...shape]));
    });
  }
  return masks;
}
const largest = (tensor: Tensor): number => Math.max(...tensor.abs().dataSync());

describe('dropout of LoRA', () => {
  it("is kohya's: narrow states, ranks by picture, the whole adapter", () => {
    const dropout = createDropout('lora.to_q', { dropout: 0.3, rankDropout: 0.5, moduleDropout: 0.01 })!;
    const masks = masksOf(dropout);
    const got = overlay({ method: lora, layer, parts: { down, up }, scale: 0.7, dropout })(call);
    expect(Object.fromEntries(Object.entries(masks).map(([kind, { shape }]) => [kind, shape]))).toEqual({
      dropout: [2, 5, 2],
      rankDropout: [2, 1, 2],
      moduleDropout: [1],
    });
    // networks/lora.py: dropout(lx), then a mask over ranks with scale / (1 - rank_dropout)
    const kept = (kind: string): Tensor => tf.cast(tf.greater(masks[kind]!, 0), 'float32');
    const lx = tf.mul(tf.mul(flat(x, down), tf.div(kept('dropout'), 1 - 0.3)), kept('rankDropout'));
    const wanted = tf.add(call.base(), tf.mul(flat(lx, up), (0.7 * 1) / (1 - 0.5)));
    expect(largest(tf.sub(got, wanted))).toBeLessThan(1e-5);
    expect(largest(tf.sub(got, call.base()))).toBeGreaterThan(0.1);
  });

  it('of the whole adapter leaves the layer as it is', () => {
    for (const magnitude of [undefined, { values: tf.tensor1d([1, 2, 3]), axis: 'out' as const }]) {
      const dropout = createDropout('lora.to_q', { dropout: 0, rankDropout: 0, moduleDropout: 0.99 })!;
      masksOf(dropout);
      const bound = {
        method: lora,
        layer,
        parts: { down, up },
        scale: 0.7,
        ...(magnitude ? { magnitude } : {}),
      };
      expect(largest(tf.sub(overlay({ ...bound, dropout })(call), call.base()))).toBeLessThan(1e-6);
    }
  });

  it('of ranks drops rows of ΔW where the whole weight is changed', () => {
    const dropout = createDropout('lora.to_q', { dropout: 0, rankDropout: 0.5, moduleDropout: 0 })!;
    const masks = masksOf(dropout);
    const { outputChange: _, ...whole } = lora;
    const got = overlay({ method: whole, layer, parts: { down, up }, scale: 0.7, dropout })(call);
    expect(masks['rankDropout']?.shape).toEqual([3, 1]);
    const change = tf.mul(tf.mul(tf.matMul(up, down), masks['rankDropout']!), 0.7);
    expect(largest(tf.sub(got, flat(x, tf.add(weight, change))))).toBeLessThan(1e-5);
  });

  it('does nothing where no step is traced', () => {
    const dropout = createDropout('lora.to_q', { dropout: 0.9, rankDropout: 0.9, moduleDropout: 0.9 })!;
    const bound = { method: lora, layer, parts: { down, up }, scale: 0.7 };
    expect(overlay({ ...bound, dropout })(call).dataSync()).toEqual(overlay(bound)(call).dataSync());
    expect(createDropout('lora.to_q', { dropout: 0, rankDropout: 0, moduleDropout: 0 })).toBeUndefined();
  });
});

it('draws zeros and, in their place, what makes up for them', () => {
  const [input] = createDropout('a', { dropout: 0.25, rankDropout: 0, moduleDropout: 0 })!.inputs;
  const values = input!.draw(createRng(0).stream('a', 7, 0), 10_000);
  expect([...new Set(values)].sort()).toEqual([0, Math.fround(1 / 0.75)]);
  const share = values.filter((value) => value === 0).length / values.length;
  expect(Math.abs(share - 0.25)).toBeLessThan(0.02);
});
