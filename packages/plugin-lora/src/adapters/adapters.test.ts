// Weight changes against their formulas, one number at a time; traced code runs on tfjs' own cpu backend.
import { tf, type LayerCall, type Tensor } from '@likeness/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdaptableLayer } from '../layers.ts';
import { elementsOf, overlay, type AdapterMethod, type Parts } from './adapter.ts';
import { loha } from './loha.ts';
import { lokr, twoFactors } from './lokr.ts';
import { lora } from './lora.ts';
import { rowLengths } from './magnitude.ts';

const before = tf.getBackend();
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.setBackend(before));

const linear: AdaptableLayer = { component: 'unet', path: 'to_q', kind: 'linear', shape: [6, 4] };
const conv: AdaptableLayer = { component: 'unet', path: 'conv1', kind: 'conv2d', shape: [6, 4, 3, 3] };

const wave = (shape: readonly number[], phase: number): Tensor =>
  tf.tensor(
    Array.from({ length: elementsOf(shape) }, (_, i) => Math.sin(1.7 * i + phase)),
    [...shape],
  );
const made = (shapes: Parts<readonly number[]>): Parts<Tensor> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, wave(shape, i)]));
const at = (tensor: Tensor | undefined, ...index: number[]): number => {
  if (tensor === undefined) return NaN;
  const position = index.reduce((sum, i, axis) => sum * (tensor.shape[axis] ?? 1) + i, 0);
  return tensor.dataSync()[position] ?? NaN;
};
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sumOver = (count: number, term: (i: number) => number): number =>
  range(count).reduce((sum, i) => sum + term(i), 0);

/** Every element of ΔW against a formula of output o, input i, kernel row y and column x. */
function expectChange(
  method: AdapterMethod,
  parts: Parts<Tensor>,
  layer: AdaptableLayer,
  formula: (o: number, i: number, y: number, x: number) => number,
): void {
  const change = method.weightChange(parts, layer);
  expect(change.shape).toEqual([...layer.shape]);
  const [out = 1, inputs = 1, height = 1, width = 1] = layer.shape;
  const wanted = range(out).flatMap((o) =>
    range(inputs).flatMap((i) => range(height).flatMap((y) => range(width).map((x) => formula(o, i, y, x)))),
  );
  change.dataSync().forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? NaN, 4);
  });
}

const RANK = 2;

describe('ΔW', () => {
  it('of LoRA is B A, on linear layers and convolutions', () => {
    const p = made({ down: [RANK, 4], up: [6, RANK] });
    expectChange(lora, p, linear, (o, i) => sumOver(RANK, (r) => at(p['up'], o, r) * at(p['down'], r, i)));
    const c = made({ down: [RANK, 4, 3, 3], up: [6, RANK, 1, 1] });
    expectChange(lora, c, conv, (o, i, y, x) =>
      sumOver(RANK, (r) => at(c['up'], o, r, 0, 0) * at(c['down'], r, i, y, x)),
    );
  });

  it('of LoRA with a kernel in the middle is all three behind each other', () => {
    const p = made({ down: [RANK, 4, 1, 1], up: [6, 3, 1, 1], mid: [3, RANK, 3, 3] });
    expectChange(lora, p, conv, (o, i, y, x) =>
      sumOver(3, (s) =>
        sumOver(RANK, (r) => at(p['up'], o, s, 0, 0) * at(p['mid'], s, r, y, x) * at(p['down'], r, i, 0, 0)),
      ),
    );
  });

  it('of LoHa is the product, element by element, of two low-rank matrices', () => {
    const p = made({
      hada_w1_a: [6, RANK],
      hada_w1_b: [RANK, 36],
      hada_w2_a: [6, RANK],
      hada_w2_b: [RANK, 36],
    });
    const half = (n: 1 | 2, o: number, column: number): number =>
      sumOver(RANK, (r) => at(p[`hada_w${n}_a`], o, r) * at(p[`hada_w${n}_b`], r, column));
    expectChange(loha, p, conv, (o, i, y, x) => {
      const column = (i * 3 + y) * 3 + x;
      return half(1, o, column) * half(2, o, column);
    });
  });

  it('of LoHa with Tucker cores widens both axes of each core', () => {
    const p = made({
      hada_t1: [RANK, RANK, 3, 3],
      hada_w1_a: [RANK, 6],
      hada_w1_b: [RANK, 4],
      hada_t2: [RANK, RANK, 3, 3],
      hada_w2_a: [RANK, 6],
      hada_w2_b: [RANK, 4],
    });
    // einsum('i j k l, j r, i p -> p r k l') in lycoris/functional/loha.py
    const half = (n: 1 | 2, o: number, i: number, y: number, x: number): number =>
      sumOver(RANK, (a) =>
        sumOver(
          RANK,
          (b) => at(p[`hada_t${n}`], a, b, y, x) * at(p[`hada_w${n}_b`], b, i) * at(p[`hada_w${n}_a`], a, o),
        ),
      );
    expectChange(loha, p, conv, (o, i, y, x) => half(1, o, i, y, x) * half(2, o, i, y, x));
  });

  it('of LoKr is a Kronecker product, with factors whole or of low rank', () => {
    const whole = made({ lokr_w1: [2, 2], lokr_w2: [3, 2, 3, 3] });
    expectChange(lokr, whole, conv, (o, i, y, x) => {
      const [a, b] = [Math.floor(o / 3), Math.floor(i / 2)];
      return at(whole['lokr_w1'], a, b) * at(whole['lokr_w2'], o % 3, i % 2, y, x);
    });
    const low = made({ lokr_w1_a: [2, 1], lokr_w1_b: [1, 2], lokr_w2_a: [3, RANK], lokr_w2_b: [RANK, 18] });
    expectChange(lokr, low, conv, (o, i, y, x) => {
      const left = at(low['lokr_w1_a'], Math.floor(o / 3), 0) * at(low['lokr_w1_b'], 0, Math.floor(i / 2));
      const column = ((i % 2) * 3 + y) * 3 + x;
      return left * sumOver(RANK, (r) => at(low['lokr_w2_a'], o % 3, r) * at(low['lokr_w2_b'], r, column));
    });
  });
});

describe('a new adapter', () => {
  it.each([lora, loha, lokr])('of $name fits its layer and changes nothing yet', (method) => {
    for (const layer of [linear, conv]) {
      for (const rank of [1, 2, 5]) {
        const plan = method.plan(layer, { rank, initialisation: 'gaussian' });
        const shapes = Object.fromEntries(plan.map(({ name, shape }) => [name, shape]));
        expect(method.misfits(shapes, layer)).toEqual([]);
        const parts = Object.fromEntries(
          plan.map(({ name, shape, start }, i) => [
            name,
            start.kind === 'zeros' ? tf.zeros([...shape]) : wave(shape, i),
          ]),
        );
        expect(Math.max(...method.weightChange(parts, layer).abs().dataSync())).toBe(0);
      }
    }
  });

  it('refuses shapes of another layer', () => {
    expect(lora.misfits({ down: [2, 5], up: [6, 2] }, linear)).toEqual(['down is [2,5] on a weight [6,4]']);
    expect(lora.misfits({ down: [2, 4] }, linear)).toEqual(['has a way down only']);
    expect(lokr.misfits({ lokr_w1: [2, 2], lokr_w2: [2, 2] }, linear)[0]).toMatch('makes [4,4]');
    expect(loha.misfits({ hada_w1_a: [6, 2] }, linear)[0]).toMatch('lacks hada_w1_b, hada_w2_a, hada_w2_b');
  });
});

// LyCORIS' `factorization`, from its docstring's table.
it.each([
  [250, -1, [10, 25]],
  [250, 2, [2, 125]],
  [250, 4, [2, 125]],
  [360, -1, [18, 20]],
  [360, 8, [8, 45]],
  [360, 2, [2, 180]],
  [128, -1, [8, 16]],
  [128, 16, [8, 16]],
  [127, -1, [1, 127]],
  [512, -1, [16, 32]],
  [1024, -1, [32, 32]],
] as const)('factors %i under %i into %j', (size, limit, expected) => {
  expect(twoFactors(size, limit)).toEqual([...expected]);
});

describe('overlay', () => {
  const weight = wave([6, 4], 9);
  const x = wave([3, 4], 5);
  const call: LayerCall = {
    kind: 'linear',
    path: 'to_q',
    input: x,
    weight,
    withWeight: (w) => tf.matMul(x, w, false, true),
    project: (w) => tf.matMul(x, w, false, true),
    base: () => tf.matMul(x, weight, false, true),
  };
  const parts = (): Parts<Tensor> => made({ down: [RANK, 4], up: [6, RANK] });

  it('of LoRA takes the way around and says what the changed weight says', () => {
    const around = overlay({ method: lora, layer: linear, parts: parts(), scale: 0.7 })(call);
    const changed = tf.add(weight, tf.mul(lora.weightChange(parts(), linear), 0.7));
    expect(Math.max(...tf.sub(around, call.withWeight(changed)).abs().dataSync())).toBeLessThan(1e-5);
  });

  it('of DoRA gives rows their learned length', () => {
    const lengths = Float32Array.of(1, 2, 3, 4, 5, 6);
    let used: Tensor | undefined;
    overlay({
      method: lora,
      layer: linear,
      parts: parts(),
      scale: 0.7,
      magnitude: { values: tf.tensor1d(lengths), axis: 'out' },
    })({
      ...call,
      withWeight: (w) => {
        used = w;
        return w;
      },
    });
    const rows = rowLengths(Float32Array.from(used?.dataSync() ?? []), 6);
    rows.forEach((length, i) => {
      expect(length).toBeCloseTo(lengths[i] ?? NaN, 5);
    });
  });

  it('of DoRA takes no gradient through the length of V', () => {
    const magnitude = tf.tensor1d([1, 2, 3, 4, 5, 6]);
    const { down, up } = parts() as { down: Tensor; up: Tensor };
    const loss = (a: Tensor): Tensor =>
      tf.sum(
        tf.square(
          overlay({
            method: lora,
            layer: linear,
            parts: { down: a, up },
            scale: 1,
            magnitude: { values: magnitude, axis: 'out' },
          })(call),
        ),
      );
    const got = tf.grad(loss)(down);
    // The same with the norms as constants.
    const v = tf.add(weight, tf.matMul(up, down));
    const factor = tf.div(tf.reshape(magnitude, [6, 1]), tf.norm(v, 2, 1, true));
    const wanted = tf.grad((a: Tensor) =>
      tf.sum(tf.square(call.withWeight(tf.mul(tf.add(weight, tf.matMul(up, a)), factor)))),
    )(down);
    expect(Math.max(...tf.sub(got, wanted).abs().dataSync())).toBeLessThan(1e-3);
    expect(Math.max(...got.abs().dataSync())).toBeGreaterThan(0.1);
  });
});
