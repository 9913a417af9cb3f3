// LoHa (Hyeon-Woo et al. 2021, arXiv 2108.06098): ΔW = (A₁ B₁) ∘ (A₂ B₂), rank up to r² with 2r vectors.
// Reference: LyCORIS, lycoris/modules/loha.py and functional/loha.py; `hada_t1`, `hada_t2` are its Tucker cores.
import { tf, type Tensor } from '@likeness/core';
import { sizesOf } from '../layers.ts';
import { elementsOf, part, type AdapterMethod, type Parts } from './adapter.ts';
import { tuckerProduct } from './tucker.ts';

const FACTORS = ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b'] as const;

export const loha: AdapterMethod = {
  name: 'loha',
  plan({ shape }, { rank }) {
    const [out = 1, ...inner] = shape;
    const inputs = elementsOf(inner);
    const normal = (standardDeviation: number) => ({ kind: 'normal', standardDeviation }) as const;
    return [
      { name: 'hada_w1_a', shape: [out, rank], start: normal(0.1) },
      { name: 'hada_w1_b', shape: [rank, inputs], start: normal(1) },
      { name: 'hada_w2_a', shape: [out, rank], start: { kind: 'zeros' } },
      { name: 'hada_w2_b', shape: [rank, inputs], start: normal(1) },
    ];
  },

  misfits(shapes, layer) {
    const missing = FACTORS.filter((name) => !shapes[name]);
    if (missing.length > 0) return [`lacks ${missing.join(', ')}`];
    const { out, inputs, places } = sizesOf(layer);
    return ([1, 2] as const).flatMap((half) => {
      const [a = [], b = [], core] = [
        shapes[`hada_w${half}_a`],
        shapes[`hada_w${half}_b`],
        shapes[`hada_t${half}`],
      ];
      const [rank = 1, wide = 1] = b;
      const fits = core
        ? a[0] === core[0] && a[1] === out && core[1] === rank && wide === inputs
        : a[0] === out && a[1] === rank && wide === inputs * places;
      return fits
        ? []
        : [`hada_w${half} is [${a.join()}] and [${b.join()}] on a weight [${layer.shape.join()}]`];
    });
  },

  rankOf: (shapes) => shapes['hada_w1_b']?.[0],

  weightChange(parts, { shape }) {
    return tf.mul(half(parts, 1, shape), half(parts, 2, shape));
  },
};

function half(parts: Parts<Tensor>, index: 1 | 2, shape: readonly number[]): Tensor {
  const [a, b] = [part(parts, `hada_w${index}_a`), part(parts, `hada_w${index}_b`)];
  const core = parts[`hada_t${index}`];
  return core ? tf.reshape(tuckerProduct(core, a, b), [...shape]) : tf.reshape(tf.matMul(a, b), [...shape]);
}
