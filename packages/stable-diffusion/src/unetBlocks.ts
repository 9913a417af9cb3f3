// The UNet's building blocks: resnet, spatial transformer, change of resolution.
// Reference: diffusers, models/resnet.py, models/attention.py, models/transformers/transformer_2d.py.
import { ShapeError, tf, type Tensor } from '@likeness/engine';
import {
  activations,
  flattenPixels,
  groupNorm,
  layerNorm,
  multiHeadAttention,
  seen,
  upsampleNearest,
  type Activation,
  type Scope,
} from './layers.ts';

export interface ResnetSettings {
  readonly outChannels: number;
  readonly groups: number;
  readonly eps: number;
  readonly activation: Activation;
  /** The time embedding scales and shifts instead of being added. */
  readonly timeScaleShift?: boolean;
  /** The sum is divided by this. */
  readonly scale?: number;
}

/**
 * Two convolutions with a shortcut; `[B, H, W, in]` → `[B, H, W, out]`.
 * @param time activated time embedding `[B, E]`; none in the autoencoder
 */
export function resnet(
  scope: Scope,
  path: string,
  x: Tensor,
  time: Tensor | null,
  settings: ResnetSettings,
): Tensor {
  const { parameters } = scope;
  const { outChannels, groups, eps, activation, timeScaleShift = false, scale = 1 } = settings;
  let h = activation(groupNorm(scope, `${path}.norm1`, x, groups, eps));
  h = parameters.conv2d(`${path}.conv1`, h, outChannels);
  if (time === null) {
    h = groupNorm(scope, `${path}.norm2`, h, groups, eps);
  } else {
    const width = timeScaleShift ? 2 * outChannels : outChannels;
    const shift = tf.reshape(parameters.linear(`${path}.time_emb_proj`, time, width), [-1, 1, 1, width]);
    if (timeScaleShift) {
      const [scaling, offset] = tf.split(shift, 2, 3) as [Tensor, Tensor];
      h = groupNorm(scope, `${path}.norm2`, h, groups, eps);
      h = tf.add(tf.mul(h, tf.add(scaling, 1)), offset);
    } else {
      h = groupNorm(scope, `${path}.norm2`, tf.add(h, shift), groups, eps);
    }
  }
  h = parameters.conv2d(`${path}.conv2`, activation(h), outChannels);
  const shortcut =
    x.shape.at(-1) === outChannels
      ? x
      : parameters.conv2d(`${path}.conv_shortcut`, x, outChannels, { kernelSize: 1 });
  const sum = tf.add(shortcut, h);
  return seen(scope, path, scale === 1 ? sum : tf.div(sum, scale));
}

export interface TransformerSettings {
  readonly heads: number;
  /** How many blocks stand in a row. */
  readonly depth: number;
  readonly groups: number;
  readonly linearProjections: boolean;
  readonly onlyCrossAttention: boolean;
}

/** Attention among pixels and from pixels to text; `[B, H, W, C]` → the same. */
export function spatialTransformer(
  scope: Scope,
  path: string,
  x: Tensor,
  text: Tensor,
  { heads, depth, groups, linearProjections, onlyCrossAttention }: TransformerSettings,
): Tensor {
  const channels = x.shape.at(-1) ?? 0;
  const project = (name: string, input: Tensor): Tensor =>
    linearProjections
      ? scope.parameters.linear(`${path}.${name}`, input, channels)
      : scope.parameters.conv2d(`${path}.${name}`, input, channels, { kernelSize: 1 });
  let h = flattenPixels(project('proj_in', groupNorm(scope, `${path}.norm`, x, groups, 1e-6)));
  for (let i = 0; i < depth; i++) {
    h = transformerBlock(scope, `${path}.transformer_blocks.${i}`, h, text, heads, onlyCrossAttention);
  }
  return seen(scope, path, tf.add(project('proj_out', tf.reshape(h, x.shape)), x));
}

function transformerBlock(
  scope: Scope,
  path: string,
  x: Tensor,
  text: Tensor,
  heads: number,
  onlyCrossAttention: boolean,
): Tensor {
  const norm = (name: string, input: Tensor): Tensor => layerNorm(scope, `${path}.${name}`, input, 1e-5);
  const first = norm('norm1', x);
  let h = tf.add(x, attention(scope, `${path}.attn1`, first, onlyCrossAttention ? text : first, heads));
  h = tf.add(h, attention(scope, `${path}.attn2`, norm('norm2', h), text, heads));
  return tf.add(h, feedForward(scope, `${path}.ff`, norm('norm3', h)));
}

function attention(scope: Scope, path: string, x: Tensor, context: Tensor, heads: number): Tensor {
  const { parameters } = scope;
  const channels = x.shape.at(-1) ?? 0;
  const project = (name: string, input: Tensor): Tensor =>
    parameters.linear(`${path}.${name}`, input, channels, { bias: false });
  const mixed = multiHeadAttention(
    project('to_q', x),
    project('to_k', context),
    project('to_v', context),
    heads,
  );
  return seen(scope, path, parameters.linear(`${path}.to_out.0`, mixed, channels));
}

/** GEGLU, https://arxiv.org/abs/2002.05202 */
function feedForward(scope: Scope, path: string, x: Tensor): Tensor {
  const { parameters } = scope;
  const channels = x.shape.at(-1) ?? 0;
  const [hidden, gate] = tf.split(parameters.linear(`${path}.net.0.proj`, x, channels * 8), 2, -1) as [
    Tensor,
    Tensor,
  ];
  return seen(
    scope,
    path,
    parameters.linear(`${path}.net.2`, tf.mul(hidden, activations.gelu(gate)), channels),
  );
}

/** Halves height and width. `padding` 0 pads right and bottom only, as the autoencoder does. */
export function downsample(scope: Scope, path: string, x: Tensor, padding: 0 | 1): Tensor {
  const channels = x.shape.at(-1) ?? 0;
  const border = padding === 1 ? 'same' : ([0, 1, 0, 1] as const);
  return seen(
    scope,
    path,
    scope.parameters.conv2d(`${path}.conv`, x, channels, { stride: 2, padding: border }),
  );
}

/** Doubles height and width, cut to `size` where a skip connection comes from an odd number of pixels. */
export function upsample(scope: Scope, path: string, x: Tensor, size?: readonly [number, number]): Tensor {
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  if (size !== undefined && (size[0] > 2 * height || size[1] > 2 * width)) {
    throw new ShapeError('latents of this size cannot be brought back', {
      code: 'model/inputs-do-not-fit',
      where: path,
      expected: `at most ${2 * height} × ${2 * width}`,
      got: size.join(' × '),
      hint: 'with downsample_padding 0, use a height and width that halve evenly at every level',
    });
  }
  let doubled = upsampleNearest(x);
  if (size !== undefined && (size[0] !== 2 * height || size[1] !== 2 * width)) {
    doubled = tf.slice(doubled, [0, 0, 0, 0], [batch, size[0], size[1], channels]);
  }
  return seen(scope, path, scope.parameters.conv2d(`${path}.conv`, doubled, channels));
}
