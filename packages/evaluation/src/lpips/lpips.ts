// LPIPS (Zhang et al. 2018, arXiv 1801.03924): unit-normalised activations of a trunk at several depths, squared
// differences weighted by channel, averaged over space, summed over depths. Traced code; `openLpips.ts` runs it.
// Reference: lpips 0.1.4, lpips/lpips.py, with `spatial=False` and the trained lin layers.
import {
  defineFunction,
  float32,
  tf,
  type FunctionDefinition,
  type Parameters,
  type Tensor,
} from '@likeness/core';
import { numTaps, trunkActivations, type ChannelsOf, type TrunkName } from './trunks.ts';

/** lpips' ScalingLayer: from [-1, 1] to ImageNet's normalisation. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
const EPSILON = 1e-10;

export interface LpipsNetwork {
  readonly trunk: TrunkName;
  readonly parameters: Parameters;
  readonly channelsOf: ChannelsOf;
}

/** Key of a depth's channel weights, `[1, C, 1, 1]`, as lpips names them. */
export const linKey = (tap: number): string => `lin${tap}.model.1.weight`;

/** Traced: what each depth contributes, `[B, depths]`, of pictures `[B, H, W, 3]` in [-1, 1]. */
export function lpipsLayers({ trunk, parameters, channelsOf }: LpipsNetwork, a: Tensor, b: Tensor): Tensor {
  const [batch = 1] = a.shape;
  const scaled = tf.div(tf.sub(tf.concat([a, b], 0), SHIFT), SCALE);
  const contributions = trunkActivations(trunk, parameters, channelsOf, scaled).map((activation, tap) => {
    const norm = tf.sqrt(tf.sum(tf.square(activation), 3, true));
    const [first, second] = tf.split(tf.div(activation, tf.add(norm, EPSILON)), 2, 0) as [Tensor, Tensor];
    const channels = activation.shape[3] ?? 0;
    const weights = tf.reshape(parameters.get(linKey(tap), [1, channels, 1, 1]), [channels]);
    const weighted = tf.mul(tf.square(tf.sub(first, second)), weights); // [B, h, w, C]
    return tf.reshape(tf.mean(tf.sum(weighted, 3), [1, 2]), [batch, 1]);
  });
  return tf.concat(contributions, 1);
}

/** `a`, `b` `[B, H, W, 3]` → `layers` `[B, depths]`. */
export function lpipsFunction(
  network: LpipsNetwork,
  { batch, height, width }: { readonly batch: number; readonly height: number; readonly width: number },
): FunctionDefinition {
  const pictures = float32(batch, height, width, 3);
  return defineFunction({ a: pictures, b: pictures }, ({ a, b }) => ({ layers: lpipsLayers(network, a, b) }));
}

/** Depths a trunk is looked at. */
export const lpipsDepths = numTaps;
