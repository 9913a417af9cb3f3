// Arithmetic on weights: against the traced formulas, there and back to the last bit.
import { createRng, tf, type Tensor } from '@likeness/core';
import { Matrix, SVD } from 'ml-matrix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elementsOf, overlay, type AdapterMethod } from '../adapters/adapter.ts';
import type { StoredAdapter } from '../files/readAdapters.ts';
import type { FloatDtype } from '../files/storedNumbers.ts';
import type { AdaptableLayer } from '../layers.ts';
import { METHODS } from '../options.ts';
import { withAdapters, withoutAdapters, type WeightedAdapter } from './adaptedWeight.ts';
import { energyOf, product, productTransposed, transposed } from './matrix.ts';
import { corrected, residualOf, roundedBits, valuesOf } from './residual.ts';
import { productSvd, truncatedSvd } from './svd.ts';
import { weightChange } from './weightChange.ts';

const before = tf.getBackend();
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.setBackend(before));

const linear: AdaptableLayer = { component: 'unet', path: 'to_q', kind: 'linear', shape: [6, 10] };
const conv: AdaptableLayer = { component: 'unet', path: 'conv1', kind: 'conv2d', shape: [6, 4, 3, 3] };

const numbers = (name: string, count: number): Float32Array => createRng(7).stream(name, 0, 0).normal(count);
/** The shapes of every way to write a change, those that only LyCORIS has included. */
const KINDS: readonly (readonly [
  name: string,
  method: AdapterMethod['name'],
  layer: AdaptableLayer,
  shapes: Record<string, number[]>,
])[] = [
  ['LoRA', 'lora', linear, { down: [3, 10], up: [6, 3] }],
  ['LoCon', 'lora', conv, { down: [2, 4, 3, 3], up: [6, 2, 1, 1] }],
  [
    'LoCon with a kernel in the middle',
    'lora',
    conv,
    { down: [2, 4, 1, 1], mid: [3, 2, 3, 3], up: [6, 3, 1, 1] },
  ],
  ['LoHa', 'loha', linear, { hada_w1_a: [6, 2], hada_w1_b: [2, 10], hada_w2_a: [6, 2], hada_w2_b: [2, 10] }],
  [
    'LoHa with Tucker cores',
    'loha',
    conv,
    {
      hada_t1: [2, 3, 3, 3],
      hada_w1_a: [2, 6],
      hada_w1_b: [3, 4],
      hada_t2: [2, 3, 3, 3],
      hada_w2_a: [2, 6],
      hada_w2_b: [3, 4],
    },
  ],
  ['LoKr of whole factors', 'lokr', conv, { lokr_w1: [2, 2], lokr_w2: [3, 2, 3, 3] }],
  [
    'LoKr of low rank',
    'lokr',
    linear,
    { lokr_w1_a: [2, 1], lokr_w1_b: [1, 2], lokr_w2_a: [3, 2], lokr_w2_b: [2, 5] },
  ],
  [
    'LoKr with a Tucker core',
    'lokr',
    conv,
    { lokr_w1: [2, 2], lokr_t2: [2, 3, 3, 3], lokr_w2_a: [2, 3], lokr_w2_b: [3, 2] },
  ],
];

function stored(
  [name, method, layer, shapes]: (typeof KINDS)[number],
  lengths?: 'in' | 'out',
): StoredAdapter {
  const parts = Object.fromEntries(
    Object.entries(shapes).map(([part, shape]) => [
      part,
      { shape, values: numbers(`${name} ${part}`, elementsOf(shape)), dtype: 'F32' as const },
    ]),
  );
  const count = layer.shape[lengths === 'in' ? 1 : 0] ?? 1;
  const magnitude = lengths && {
    values: numbers(`${name} lengths`, count).map((value) => 2 + Math.abs(value)),
    axis: lengths,
    dtype: 'F32' as const,
  };
  return { method: METHODS[method], layer, parts, scale: 0.75, rank: 2, ...(magnitude ? { magnitude } : {}) };
}

describe.each(KINDS)('%s', (...kind) => {
  const adapter = stored(kind);
  const tensors = Object.fromEntries(
    Object.entries(adapter.parts).map(([part, { shape, values }]) => [
      part,
      (): Tensor => tf.tensor(values, [...shape]),
    ]),
  );
  const made = (): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(tensors).map(([part, make]) => [part, make()]));

  it('changes a weight as the network does', () => {
    const wanted = tf.mul(adapter.method.weightChange(made(), adapter.layer), adapter.scale).dataSync();
    const got = weightChange(adapter);
    expect(got).toHaveLength(wanted.length);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i] ?? NaN, 4);
    });
  });

  it('with lengths, too, on either axis', () => {
    for (const axis of ['out', 'in'] as const) {
      const dora = stored(kind, axis);
      const size = elementsOf(dora.layer.shape);
      const weight = numbers('weight', size);
      const held = tf.tensor(weight, [...dora.layer.shape]);
      let wanted: Tensor | undefined;
      const isConv = dora.layer.kind === 'conv2d';
      overlay({
        ...dora,
        parts: made(),
        scale: 0.5 * dora.scale,
        magnitude: { values: tf.tensor1d(dora.magnitude?.values ?? []), axis },
      })({
        kind: dora.layer.kind,
        path: '',
        input: held,
        weight: isConv ? tf.transpose(held, [2, 3, 1, 0]) : held,
        withWeight: (w) => (wanted = isConv ? tf.transpose(w, [3, 2, 0, 1]) : w),
        project: (w) => w,
        base: () => held,
      });
      const got = withAdapters(weight, [{ adapter: dora, weight: 0.5 }]).values;
      wanted?.dataSync().forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, 4);
      });
      expect(wanted?.size).toBe(size);
    }
  });
});

describe('there and back', () => {
  const all = KINDS.filter(([, , layer]) => layer === conv);
  const stack: WeightedAdapter[] = [
    { adapter: stored(all[0]!), weight: 0.8 },
    { adapter: stored(all[1]!, 'out'), weight: 0.5 },
    { adapter: stored(all[2]!, 'in'), weight: 1.5 },
  ];
  it.each(['F32', 'F16', 'BF16'] as const)('to the last bit in %s', async (dtype: FloatDtype) => {
    const base = roundedBits(Float64Array.from(numbers('base', 216)), dtype);
    base[3] = 0; // a weight that is nothing beside its change
    const { values, lengths } = withAdapters(valuesOf(base, dtype), stack);
    const merged = roundedBits(values, dtype);
    expect(merged).not.toEqual(base);
    const guess = roundedBits(withoutAdapters(valuesOf(merged, dtype), stack, lengths), dtype);
    // Rounding takes something: arithmetic alone does not give the base back.
    expect(guess).not.toEqual(base);
    expect(await corrected(guess, await residualOf(base, guess))).toEqual(base);
    expect(await corrected(guess.slice(1), await residualOf(base, guess))).toBeUndefined();
    expect(await corrected(guess, Uint8Array.of(1, 2, 3))).toBeUndefined();
  });

  it('takes any bits for any others', async () => {
    const wanted = Uint32Array.of(0, 0x80000000, 0x7fc00001, 0xffffffff, 1);
    const guess = Uint32Array.of(0xffffffff, 1, 0xff800000, 0, 0x7fffffff);
    expect(await corrected(guess, await residualOf(wanted, guess))).toEqual(wanted);
    const half = Uint16Array.of(0, 0x8000, 0xffff);
    const other = Uint16Array.of(0xffff, 0x7fff, 0);
    expect(await corrected(other, await residualOf(half, other))).toEqual(half);
  });

  it('is no matter of order for sums, and one for DoRA: the last meets the weight first', () => {
    const weight = numbers('weight', 216);
    const [plain, dora] = [stored(all[0]!), stored(all[0]!, 'out')];
    const [a, b] = [
      { adapter: plain, weight: 1 },
      { adapter: dora, weight: 1 },
    ];
    const doraFirst = withAdapters(weight, [a, b]).values;
    const alone = withAdapters(weight, [b]).values;
    const sum = weightChange(plain).map((value, i) => value + (alone[i] ?? NaN));
    expect(doraFirst).toEqual(Float64Array.from(sum));
    expect(withAdapters(weight, [b, a]).values).not.toEqual(doraFirst);
  });
});

describe('products and decompositions', () => {
  const size = { rows: 9, inner: 7, columns: 13 };
  const [left, right] = [numbers('left', 63), numbers('right', 91)];
  const plain = Float64Array.from({ length: 117 }, (_, at) => {
    const [i, j] = [Math.floor(at / 13), at % 13];
    return [...Array(7).keys()].reduce((sum, p) => sum + left[i * 7 + p]! * right[p * 13 + j]!, 0);
  });
  const close = (got: Float64Array, wanted: Float64Array, digits = 10): void => {
    expect(got).toHaveLength(wanted.length);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i] ?? NaN, digits);
    });
  };

  const start = (): ((count: number) => Float32Array) => {
    const stream = createRng(7).stream('start', 0, 0);
    return (count) => stream.normal(count);
  };

  it('products are those of sizes that no unrolling divides', () => {
    close(product(left, right, size), plain);
    close(productTransposed(left, transposed(right, 7, 13), size), plain);
  });

  it('a matrix of rank 7 is its 7 triples, with and without its factors', () => {
    const whole = { rows: 9, columns: 13 };
    for (const triples of [truncatedSvd(plain, whole, 7, start()), productSvd(left, right, whole, 7, 7)]) {
      const scaled = triples.left.map((value, i) => value * (triples.values[Math.floor(i / 9)] ?? NaN));
      close(product(transposed(scaled, 7, 9), triples.right, size), plain, 8);
      expect([...triples.values]).toEqual([...triples.values].sort((a, b) => b - a));
    }
  });

  it.each([
    [200, 300],
    [300, 200],
  ])('the largest few of [%i, %i] are those of the whole decomposition', (rows, columns) => {
    // A random matrix has no gap between its values: the hardest case.
    const big = numbers('big', rows * columns);
    const whole = new SVD(Matrix.from1DArray(rows, columns, big), { autoTranspose: true });
    const exact = truncatedSvd(big, { rows, columns }, 16, start());
    close(exact.values, Float64Array.from(whole.diagonal.slice(0, 16)), 9);
    const vectors = (found: Float64Array, wanted: Matrix, length: number): void => {
      for (let k = 0; k < 16; k++) {
        const share = wanted.getColumn(k).reduce((sum, x, i) => sum + x * found[k * length + i]!, 0);
        expect(Math.abs(share)).toBeCloseTo(1, 9);
      }
    };
    vectors(exact.left, whole.leftSingularVectors, rows);
    vectors(exact.right, whole.rightSingularVectors, columns);

    const kept = truncatedSvd(big, { rows, columns }, 4, start(), 'energy');
    const most = energyOf(exact.values.slice(0, 4));
    expect(energyOf(kept.values)).toBeGreaterThan(most * (1 - 1e-5));
    expect(energyOf(kept.values)).toBeLessThanOrEqual(most * (1 + 1e-12));
  });
});
