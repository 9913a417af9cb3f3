// LoKr: ΔW is the Kronecker product of a small matrix and a larger one, each whole or of low rank.
// Reference: LyCORIS, lycoris/modules/lokr.py and functional/lokr.py (Yeh et al. 2023, arXiv 2309.14859).
import { tf, type Tensor } from '@likeness/core';
import { sizesOf } from '../layers.ts';
import { part, type AdapterMethod, type Parts, type PlannedPart, type Shape } from './adapter.ts';
import { tuckerProduct } from './tucker.ts';

export const lokr: AdapterMethod = {
  name: 'lokr',
  plan(layer, { rank, factor = -1 }): PlannedPart[] {
    const { inputs, places } = sizesOf(layer);
    const [out = 1, , ...kernel] = layer.shape;
    const [outLeft, outRight] = twoFactors(out, factor);
    const [inLeft, inRight] = twoFactors(inputs, factor);
    const left: PlannedPart = {
      name: 'lokr_w1',
      shape: [outLeft, inLeft],
      start: { kind: 'kaiming', fanIn: inLeft },
    };
    // A right factor that low rank would not make smaller is kept whole.
    if (rank >= Math.max(outRight, inRight) / 2) {
      return [left, { name: 'lokr_w2', shape: [outRight, inRight, ...kernel], start: { kind: 'zeros' } }];
    }
    return [
      left,
      { name: 'lokr_w2_a', shape: [outRight, rank], start: { kind: 'kaiming', fanIn: rank } },
      { name: 'lokr_w2_b', shape: [rank, inRight * places], start: { kind: 'zeros' } },
    ];
  },

  misfits(shapes, layer) {
    const { out, inputs, places } = sizesOf(layer);
    const [left, right] = [matrixShape(shapes, 1, 1), matrixShape(shapes, 2, places)];
    if (!left || !right) return [`lacks ${left ? 'lokr_w2' : 'lokr_w1'}, whole or as _a and _b`];
    const product = [left[0] * right[0], left[1] * right[1]];
    return product[0] === out && product[1] === inputs
      ? []
      : [
          `makes [${product.join()}] of [${left.join()}] and [${right.join()}] on a weight [${layer.shape.join()}]`,
        ];
  },

  // Two whole factors have no rank: alpha does not count.
  rankOf: (shapes) => shapes['lokr_w2_b']?.[0] ?? shapes['lokr_w1_b']?.[0],

  weightChange(parts, layer) {
    const { places } = sizesOf(layer);
    const left = matrix(parts, 1, 1);
    const right = matrix(parts, 2, places);
    const [a = 1, b = 1] = left.shape;
    const [c = 1, d = 1] = right.shape;
    const all = tf.matMul(tf.reshape(left, [-1, 1]), tf.reshape(right, [1, -1])); // [a · b, c · d · places]
    const ordered = tf.transpose(tf.reshape(all, [a, b, c, d, places]), [0, 2, 1, 3, 4]);
    return tf.reshape(ordered, [...layer.shape]);
  },
};

/** One factor as `[rows, columns, places]`. */
function matrix(parts: Parts<Tensor>, index: 1 | 2, places: number): Tensor {
  const whole = parts[`lokr_w${index}`];
  if (whole) return tf.reshape(whole, [whole.shape[0] ?? 1, -1, places]);
  const [a, b] = [part(parts, `lokr_w${index}_a`), part(parts, `lokr_w${index}_b`)];
  const core = parts[`lokr_t${index}`];
  const product = core ? tuckerProduct(core, a, b) : tf.matMul(a, b);
  return tf.reshape(product, [product.shape[0] ?? 1, -1, places]);
}

/** Rows and columns of a factor from its parts' shapes; none when they are not all there. */
function matrixShape(shapes: Parts<Shape>, index: 1 | 2, places: number): [number, number] | undefined {
  const whole = shapes[`lokr_w${index}`];
  if (whole) return [whole[0] ?? 1, whole[1] ?? 1];
  const [a, b] = [shapes[`lokr_w${index}_a`], shapes[`lokr_w${index}_b`]];
  if (!a || !b) return undefined;
  return shapes[`lokr_t${index}`] ? [a[1] ?? 1, b[1] ?? 1] : [a[0] ?? 1, (b[1] ?? 1) / places];
}

/**
 * Two factors of a size, the smaller first (LyCORIS: `factorization`).
 * @param limit largest smaller factor, itself when it divides the size; -1: as near to a square as it goes
 */
export function twoFactors(size: number, limit: number): [number, number] {
  if (limit > 0 && size % limit === 0) return ascending(limit, size / limit);
  const bound = limit < 0 ? size : limit;
  let best: [number, number] = [1, size];
  for (let small = 2; small * small <= size && small <= bound; small++) {
    if (size % small === 0) best = [small, size / small];
  }
  return best;
}

const ascending = (a: number, b: number): [number, number] => (a < b ? [a, b] : [b, a]);
