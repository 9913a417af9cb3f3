// The benchmark's subject: one train step of a Stable-Diffusion-shaped UNet (3.57 M parameters by default),
// written in plain tfjs ops on the engine's public API. The same network in PyTorch: unetStep.py.
// Shapes: B batch, S side of the latents, c channels, T tokens, D context width.
import { adamW, createVariable, defineFunction, float32, tf } from '@likeness/engine';
import type { FunctionDefinition, Tensor, Tensor4D, TypedData, Variable } from '@likeness/engine';

export interface UNetSize {
  readonly channels: readonly number[];
  readonly side: number;
  readonly batch: number;
  readonly contextWidth: number;
  readonly tokens: number;
}
export const SMALL: UNetSize = { channels: [64, 96, 128], side: 16, batch: 8, contextWidth: 128, tokens: 16 };

const HEAD_SIZE = 32;
const TIME_WIDTH = 256;
const GROUPS = 32;

export interface UNetStep {
  readonly trainStep: FunctionDefinition;
  readonly feeds: Readonly<Record<string, TypedData>>;
  readonly initialValues: ReadonlyMap<string, Float32Array>;
  readonly numParameters: number;
}

/** Uniform numbers in [-1, 1) from a linear congruential generator: a benchmark needs no better ones. */
function numbers(size: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

type Layer = (x: Tensor) => Tensor;

export function unetStep({ channels, side, batch, contextWidth, tokens }: UNetSize): UNetStep {
  const variables: Variable[] = [];
  const initialValues = new Map<string, Float32Array>();

  const parameter = (shape: number[], scale: number | 'ones' | 'zeros'): Variable => {
    const name = `p${variables.length}`;
    const variable = createVariable({ name, shape });
    variables.push(variable);
    const spread = typeof scale === 'number' ? scale * Math.sqrt(3) : 0;
    const values = numbers(variable.size, variables.length).map((x) => x * spread);
    initialValues.set(name, scale === 'ones' ? values.fill(1) : values);
    return variable;
  };
  const conv = (from: number, to: number, size = 3, stride = 1): Layer => {
    const weight = parameter([size, size, from, to], 1 / Math.sqrt(size * size * from));
    const bias = parameter([to], 'zeros');
    return (x) => tf.add(tf.conv2d(x as Tensor4D, weight as Tensor4D, stride, 'same'), bias);
  };
  const linear = (from: number, to: number, withBias = true): Layer => {
    const weight = parameter([to, from], 1 / Math.sqrt(from));
    const bias = withBias ? parameter([to], 'zeros') : undefined;
    return (x) => {
      const y = tf.matMul(tf.reshape(x, [-1, from]), weight as Tensor, false, true);
      return tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), to]);
    };
  };
  const normalised = (x: Tensor, axes: number[]): Tensor => {
    const centred = tf.sub(x, tf.mean(x, axes, true));
    return tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), 1e-5)));
  };
  const groupNorm = (c: number): Layer => {
    const [scale, offset] = [parameter([c], 'ones'), parameter([c], 'zeros')];
    return (x) => {
      const grouped = tf.reshape(x, [x.shape[0] ?? 1, -1, GROUPS, c / GROUPS]);
      return tf.add(tf.mul(tf.reshape(normalised(grouped, [1, 3]), x.shape), scale), offset);
    };
  };
  const layerNorm = (c: number): Layer => {
    const [scale, offset] = [parameter([c], 'ones'), parameter([c], 'zeros')];
    return (x) => tf.add(tf.mul(normalised(x, [-1]), scale), offset);
  };
  const silu: Layer = (x) => tf.mul(x, tf.sigmoid(x));
  const gelu: Layer = (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));

  const attention = (c: number, from: number) => {
    const [q, k, v, out] = [
      linear(c, c, false),
      linear(from, c, false),
      linear(from, c, false),
      linear(c, c),
    ];
    const split = (x: Tensor): Tensor =>
      tf.transpose(tf.reshape(x, [batch, -1, c / HEAD_SIZE, HEAD_SIZE]), [0, 2, 1, 3]);
    return (x: Tensor, context: Tensor): Tensor => {
      const scores = tf.mul(tf.matMul(split(q(x)), split(k(context)), false, true), HEAD_SIZE ** -0.5);
      return out(
        tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), split(v(context))), [0, 2, 1, 3]), x.shape),
      );
    };
  };
  const transformer = (c: number) => {
    const [norm, projIn, projOut] = [groupNorm(c), conv(c, c, 1), conv(c, c, 1)];
    const [norm1, self, norm2, cross, norm3] = [
      layerNorm(c),
      attention(c, c),
      layerNorm(c),
      attention(c, contextWidth),
      layerNorm(c),
    ];
    const [up, down] = [linear(c, c * 4), linear(c * 2, c)];
    return (x: Tensor, context: Tensor): Tensor => {
      let h = tf.reshape(projIn(norm(x)), [batch, -1, c]);
      const normed = norm1(h);
      h = tf.add(h, self(normed, normed));
      h = tf.add(h, cross(norm2(h), context));
      const [value, gate] = tf.split(up(norm3(h)), 2, 2) as [Tensor, Tensor];
      h = tf.add(h, down(tf.mul(value, gelu(gate))));
      return tf.add(projOut(tf.reshape(h, x.shape)), x);
    };
  };
  const resnet = (from: number, to: number) => {
    const [norm1, conv1, time, norm2, conv2] = [
      groupNorm(from),
      conv(from, to),
      linear(TIME_WIDTH, to),
      groupNorm(to),
      conv(to, to),
    ];
    const skip = from === to ? (x: Tensor) => x : conv(from, to, 1);
    return (x: Tensor, temb: Tensor): Tensor => {
      const h = tf.add(conv1(silu(norm1(x))), tf.reshape(time(silu(temb)), [batch, 1, 1, to]));
      return tf.add(skip(x), conv2(silu(norm2(h))));
    };
  };
  const upsample: Layer = (x) => {
    const [, height = 1, width = 1, c = 1] = x.shape;
    const rows = tf.reshape(tf.concat([x, x], 3), [batch, height, 2 * width * c]);
    return tf.reshape(tf.concat([rows, rows], 2), [batch, 2 * height, 2 * width, c]);
  };

  const last = channels.length - 1;
  const convIn = conv(4, channels[0] ?? 0);
  const [time1, time2] = [linear(64, TIME_WIDTH), linear(TIME_WIDTH, TIME_WIDTH)];
  let c = channels[0] ?? 0;
  const downs = channels.map((to, i) => {
    const block = {
      resnet: resnet(c, to),
      attention: transformer(to),
      down: i < last ? conv(to, to, 3, 2) : undefined,
    };
    c = to;
    return block;
  });
  const mid = { resnet: resnet(c, c), attention: transformer(c) };
  const ups = channels.toReversed().map((to, i) => {
    const block = {
      resnet: resnet(c + to, to),
      attention: transformer(to),
      up: i < last ? conv(to, to) : undefined,
    };
    c = to;
    return block;
  });
  const [normOut, convOut] = [groupNorm(c), conv(c, 4)];

  const predict = (x: Tensor, timesteps: Tensor, context: Tensor): Tensor => {
    const frequencies = tf.exp(tf.mul(tf.range(0, 32), -Math.log(10_000) / 32));
    const angles = tf.mul(tf.expandDims(timesteps, 1), tf.expandDims(frequencies, 0));
    const temb = time2(silu(time1(tf.concat([tf.cos(angles), tf.sin(angles)], 1))));
    let h = convIn(x);
    const skips: Tensor[] = [];
    for (const block of downs) {
      h = block.attention(block.resnet(h, temb), context);
      skips.push(h);
      h = block.down?.(h) ?? h;
    }
    h = mid.attention(mid.resnet(h, temb), context);
    for (const block of ups) {
      const skip = skips.pop() ?? h;
      h = block.attention(block.resnet(tf.concat([h, skip], 3), temb), context);
      h = block.up ? block.up(upsample(h)) : h;
    }
    return convOut(silu(normOut(h)));
  };

  const optimizer = adamW([{ name: 'all', variables, weightDecay: 0.01 }]);
  const inputs = {
    latents: float32(batch, side, side, 4),
    noise: float32(batch, side, side, 4),
    timesteps: float32(batch),
    context: float32(batch, tokens, contextWidth),
    learningRate: float32(),
    biasCorrection1: float32(),
    biasCorrection2: float32(),
  };
  const trainStep = defineFunction(
    inputs,
    ({ latents, noise, timesteps, context, learningRate, ...corrections }) => {
      const noisy = tf.add(tf.mul(latents, 0.8), tf.mul(noise, 0.6));
      const { value, grads } = tf.variableGrads(
        () => tf.mean(tf.squaredDifference(predict(noisy, timesteps, context), noise)),
        variables,
      );
      const gradients = variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable));
      optimizer.apply([gradients], { learningRates: [learningRate], ...corrections });
      return { loss: value };
    },
  );
  const feeds = {
    latents: numbers(batch * side * side * 4, 5),
    noise: numbers(batch * side * side * 4, 6),
    timesteps: Float32Array.from({ length: batch }, (_, i) => i * 100),
    context: numbers(batch * tokens * contextWidth, 7),
    learningRate: Float32Array.of(1e-3),
    biasCorrection1: Float32Array.of(0.1),
    biasCorrection2: Float32Array.of(0.001),
  };
  return { trainStep, feeds, initialValues, numParameters: variables.reduce((sum, v) => sum + v.size, 0) };
}
