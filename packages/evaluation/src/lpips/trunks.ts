// The convolutional trunks that LPIPS looks through: torchvision's AlexNet, VGG16 and SqueezeNet 1.1 up to their last
// tapped ReLU, as tables. Widths come from the weights, so narrow networks are read like the published ones.
// Reference: torchvision/models/{alexnet,vgg,squeezenet}.py; lpips/pretrained_networks.py for where the taps are.
import { tf, type Parameters, type Tensor, type Tensor4D } from '@likeness/core';

export type TrunkName = 'alex' | 'vgg' | 'squeeze';
export const TRUNKS: readonly TrunkName[] = ['alex', 'vgg', 'squeeze'];

type Layer =
  | {
      readonly kind: 'conv';
      readonly index: number;
      readonly kernel: number;
      readonly stride?: number;
      readonly pad: number;
    }
  | { readonly kind: 'fire'; readonly index: number }
  /** Torch's `ceil_mode`: a window may hang over the edge. */
  | { readonly kind: 'pool'; readonly kernel: number; readonly ceil?: boolean }
  | { readonly kind: 'tap' };

const conv = (index: number, kernel = 3, pad = 1, stride = 1): Layer => ({
  kind: 'conv',
  index,
  kernel,
  pad,
  stride,
});
const fire = (index: number): Layer => ({ kind: 'fire', index });
const pool = (kernel: number, ceil = false): Layer => ({ kind: 'pool', kernel, ceil });
const tap: Layer = { kind: 'tap' };

/** Every convolution is followed by a ReLU; `index` is its number in torchvision's `features`. */
const LAYERS: Readonly<Record<TrunkName, readonly Layer[]>> = {
  alex: [
    ...[conv(0, 11, 2, 4), tap, pool(3)],
    ...[conv(3, 5, 2), tap, pool(3)],
    ...[conv(6), tap, conv(8), tap, conv(10), tap],
  ],
  vgg: [
    ...[conv(0), conv(2), tap, pool(2)],
    ...[conv(5), conv(7), tap, pool(2)],
    ...[conv(10), conv(12), conv(14), tap, pool(2)],
    ...[conv(17), conv(19), conv(21), tap, pool(2)],
    ...[conv(24), conv(26), conv(28), tap],
  ],
  squeeze: [
    ...[conv(0, 3, 0, 2), tap, pool(3, true)],
    ...[fire(3), fire(4), tap, pool(3, true)],
    ...[fire(6), fire(7), tap, pool(3, true)],
    ...[fire(9), tap, fire(10), tap, fire(11), tap, fire(12), tap],
  ],
};

/** Numbers of the taps. */
export const numTaps = (trunk: TrunkName): number =>
  LAYERS[trunk].filter(({ kind }) => kind === 'tap').length;

/** Output channels of a weight, by its key: what the file holds. */
export type ChannelsOf = (key: string) => number;

/** Traced: activations at the taps, `[B, h, w, C]` each, of pixels `[B, H, W, 3]`. */
export function trunkActivations(
  trunk: TrunkName,
  parameters: Parameters,
  channelsOf: ChannelsOf,
  pixels: Tensor,
): Tensor[] {
  const taps: Tensor[] = [];
  let x = pixels;
  for (const layer of LAYERS[trunk]) {
    if (layer.kind === 'tap') taps.push(x);
    else if (layer.kind === 'pool') x = maxPool(x, layer.kernel, layer.ceil === true);
    else if (layer.kind === 'fire') x = fireModule(parameters, `features.${layer.index}`, channelsOf, x);
    else {
      const { index, kernel, pad, stride = 1 } = layer;
      x = convRelu(parameters, `features.${index}`, channelsOf, x, { kernel, pad, stride });
    }
  }
  return taps;
}

function convRelu(
  parameters: Parameters,
  path: string,
  channelsOf: ChannelsOf,
  x: Tensor,
  { kernel, pad, stride = 1 }: { readonly kernel: number; readonly pad: number; readonly stride?: number },
): Tensor {
  const padding = [pad, pad, pad, pad] as const;
  const channels = channelsOf(`${path}.weight`);
  return tf.relu(parameters.conv2d(path, x, channels, { kernelSize: kernel, stride, padding }));
}

/** SqueezeNet's module: 1×1 down, then 1×1 and 3×3 up beside each other. */
function fireModule(parameters: Parameters, path: string, channelsOf: ChannelsOf, x: Tensor): Tensor {
  const squeezed = convRelu(parameters, `${path}.squeeze`, channelsOf, x, { kernel: 1, pad: 0 });
  return tf.concat(
    [
      convRelu(parameters, `${path}.expand1x1`, channelsOf, squeezed, { kernel: 1, pad: 0 }),
      convRelu(parameters, `${path}.expand3x3`, channelsOf, squeezed, { kernel: 3, pad: 1 }),
    ],
    3,
  );
}

/** Torch's MaxPool2d(kernel, stride 2). */
function maxPool(x: Tensor, kernel: number, ceil: boolean): Tensor {
  const [, height = 0, width = 0] = x.shape;
  const overhang = (length: number): number => (ceil ? (length - kernel) % 2 : 0);
  // Activations are after a ReLU: zeros beyond the edge never win against what is inside.
  const padded = tf.pad(x, [
    [0, 0],
    [0, overhang(height)],
    [0, overhang(width)],
    [0, 0],
  ]);
  return tf.maxPool((ceil ? padded : x) as Tensor4D, kernel, 2, 'valid');
}
