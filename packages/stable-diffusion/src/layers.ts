// Layers the three networks share. Activations are [B, H, W, C] or [B, N, C]; weights are asked for by checkpoint path.
//
// Forms are chosen for the compiler: matrix products over flattened rows, normalisation as two reductions, and an
// upsampling without ResizeNearestNeighbor, whose gradient XLA does not have.
import type { Parameters } from '@likeness/core';
import { tf, type Tensor } from '@likeness/engine';

/** Looks at an intermediate result: the output of the submodule the checkpoint calls `path`. */
export type Probe = (path: string, output: Tensor) => void;

/** Where a network takes its weights from, and who looks on. */
export interface Scope {
  readonly parameters: Parameters;
  readonly probe?: Probe | undefined;
}

/** Shows a submodule's output to the probe and passes it on. */
export function seen({ probe }: Scope, path: string, output: Tensor): Tensor {
  probe?.(path, output);
  return output;
}

export type Activation = (x: Tensor) => Tensor;

const silu: Activation = (x) => tf.mul(x, tf.sigmoid(x));
const gelu: Activation = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
const quickGelu: Activation = (x) => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));

/** Activations by the names that config files use; `gelu` is the exact one (erf). */
export const activations = {
  silu,
  swish: silu,
  gelu,
  quick_gelu: quickGelu,
  relu: tf.relu as Activation,
} as const;
export type ActivationName = keyof typeof activations;

/** `(x - mean) / sqrt(variance + eps)` over `axes`, with the biased variance as in torch. */
function normalize(x: Tensor, axes: number | number[], eps: number): Tensor {
  const centered = tf.sub(x, tf.mean(x, axes, true));
  const variance = tf.mean(tf.square(centered), axes, true);
  return tf.mul(centered, tf.rsqrt(tf.add(variance, eps)));
}

function scaleAndShift({ parameters }: Scope, path: string, x: Tensor): Tensor {
  const channels = x.shape.at(-1) ?? 0;
  return tf.add(
    tf.mul(x, parameters.get(`${path}.weight`, [channels])),
    parameters.get(`${path}.bias`, [channels]),
  );
}

/** Group normalisation over `[B, H, W, C]`. */
export function groupNorm(scope: Scope, path: string, x: Tensor, groups: number, eps: number): Tensor {
  const [batch = 1] = x.shape;
  const channels = x.shape.at(-1) ?? 0;
  const grouped = tf.reshape(x, [batch, -1, groups, channels / groups]);
  return scaleAndShift(scope, path, tf.reshape(normalize(grouped, [1, 3], eps), x.shape));
}

/** Layer normalisation over the last axis. */
export function layerNorm(scope: Scope, path: string, x: Tensor, eps: number): Tensor {
  return scaleAndShift(scope, path, normalize(x, -1, eps));
}

/**
 * `softmax(Q Kᵀ / sqrt(d) + mask) V` per head.
 * @param query `[B, N, C]`
 * @param key `[B, M, C]`, as `value`
 * @param mask added to the scores, broadcast to `[B, heads, N, M]`
 * @returns `[B, N, C]`
 */
export function multiHeadAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  heads: number,
  mask?: Tensor,
): Tensor {
  const [batch = 1, , channels = 0] = query.shape;
  const headSize = channels / heads;
  const split = (x: Tensor): Tensor =>
    tf.transpose(tf.reshape(x, [batch, -1, heads, headSize]), [0, 2, 1, 3]);
  const scores = tf.matMul(tf.mul(split(query), 1 / Math.sqrt(headSize)), split(key), false, true); // [B, heads, N, M]
  const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
  return tf.reshape(tf.transpose(tf.matMul(weights, split(value)), [0, 2, 1, 3]), [batch, -1, channels]);
}

/** Every pixel twice in both directions: `[B, H, W, C]` → `[B, 2H, 2W, C]`. */
export function upsampleNearest(x: Tensor): Tensor {
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  const row = tf.reshape(tf.concat([x, x], 3), [batch, height, 2 * width * channels]);
  return tf.reshape(tf.concat([row, row], 2), [batch, 2 * height, 2 * width, channels]);
}

/** `[B, H, W, C]` → `[B, H · W, C]`. */
export function flattenPixels(x: Tensor): Tensor {
  const [batch = 1, , , channels = 1] = x.shape;
  return tf.reshape(x, [batch, -1, channels]);
}
