// DoRA (Liu et al. 2024, arXiv 2402.09353): the adapted weight gives the direction of each row, a vector its length.
// Reference: peft/tuners/lora/dora.py. The norm takes no gradient, as the paper proposes in section 4.3.
import { tf, type Tensor } from '@likeness/core';
import { sizesOf, type AdaptableLayer } from '../layers.ts';

/** Name of the part that DoRA adds. */
export const MAGNITUDE = 'magnitude';

/** Whose length the vector gives: that of all weights into one output (usual), or out of one input (older LyCORIS). */
export type MagnitudeAxis = 'out' | 'in';

/**
 * Traced: `m · V / ‖V‖`.
 * @param weight V as held: `[out, in]` or `[h, w, in, out]`
 * @param magnitude m, with one number per output (or input)
 */
export function withMagnitude(
  weight: Tensor,
  magnitude: Tensor,
  axis: MagnitudeAxis,
  layer: AdaptableLayer,
): Tensor {
  const { out, inputs } = sizesOf(layer);
  const [outAxis, inAxis] = layer.kind === 'conv2d' ? [3, 2] : [0, 1];
  const kept = axis === 'out' ? outAxis : inAxis;
  const others = weight.shape.map((_, i) => i).filter((i) => i !== kept);
  const norm = withoutGradient(() => tf.sqrt(tf.sum(tf.square(weight), others, true)));
  const shape = weight.shape.map((_, i) => (i === kept ? (axis === 'out' ? out : inputs) : 1));
  return tf.mul(weight, tf.div(tf.reshape(magnitude, shape), norm));
}

/**
 * The magnitude that leaves a weight as it is: the length of its rows.
 * @param values in the checkpoint's layout
 */
export function rowLengths(values: Float32Array, rows: number): Float32Array {
  const size = values.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (const value of values.subarray(row * size, (row + 1) * size)) sum += value * value;
    return Math.sqrt(sum);
  });
}

/** tfjs does not look inside a function with a gradient of its own; this one has no inputs to have a gradient for. */
function withoutGradient(compute: () => Tensor): Tensor {
  return tf.customGrad(() => ({ value: compute(), gradFunc: () => [] }))();
}
