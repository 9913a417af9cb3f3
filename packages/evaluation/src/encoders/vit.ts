// Vision transformers: pixels [B, H, W, 3] → states [B, 1 + R + N, D] of the class token, R registers and N patches.
// Reference: transformers, models/vit/modeling_vit.py, models/dinov2{,_with_registers}/modeling_*.py. The two differ in
// the names of keys and in DINOv2's factor on what every half of a layer adds.
import { ShapeError, tf, type Parameters, type Tensor } from '@likeness/core';
import { activations, layerNorm, multiHeadAttention, type Scope } from '@likeness/stable-diffusion';
import type { VitConfig } from './vitConfig.ts';
import { positionWeights } from './vitPositions.ts';

/** Pixels `[B, H, W, 3]` → states `[B, 1 + R + N, D]` after the last norm. */
export type Vit = (parameters: Parameters, pixels: Tensor) => Tensor;

/** Names of the parts of a layer. */
const KEYS = {
  vit: {
    norm1: 'layernorm_before',
    norm2: 'layernorm_after',
    up: 'intermediate.dense',
    down: 'output.dense',
  },
  dinov2: { norm1: 'norm1', norm2: 'norm2', up: 'mlp.fc1', down: 'mlp.fc2' },
} as const;

export function createVit(config: VitConfig): Vit {
  return (parameters, pixels) => {
    const scope: Scope = { parameters };
    let x = embed(scope, config, pixels);
    for (let i = 0; i < config.layers; i++) x = layer(scope, `encoder.layer.${i}`, config, x);
    return layerNorm(scope, 'layernorm', x, config.layerNormEps);
  };
}

/** The class token's state: the feature of a picture. `[B, D]` */
export function classToken(states: Tensor): Tensor {
  const [batch = 1, , width = 1] = states.shape;
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, width]), [batch, width]);
}

function embed({ parameters }: Scope, config: VitConfig, pixels: Tensor): Tensor {
  const { hiddenSize: width, registers } = config;
  const [batch = 1] = pixels.shape;
  const patches = patchStates(parameters, 'embeddings.patch_embeddings.projection', pixels, config);
  const positions = positionTable(parameters, config, pixels);
  const repeated = (rows: Tensor): Tensor => tf.add(tf.zeros([batch, rows.shape[1] ?? 1, width]), rows); // [B, n, D]
  const token = parameters.get('embeddings.cls_token', [1, 1, width]);
  const x = tf.add(tf.concat([repeated(token), patches], 1), positions);
  if (registers === 0) return x;
  const [, length = 1] = x.shape;
  return tf.concat(
    [
      tf.slice(x, [0, 0, 0], [batch, 1, width]),
      repeated(parameters.get('embeddings.register_tokens', [1, registers, width])),
      tf.slice(x, [0, 1, 0], [batch, length - 1, width]),
    ],
    1,
  );
}

/**
 * Squares of a picture, each through one linear layer: a convolution whose stride is its kernel, as a matrix product.
 * @returns `[B, N, D]`, row by row
 */
export function patchStates(
  parameters: Parameters,
  path: string,
  pixels: Tensor,
  { patchSize: size, hiddenSize }: Pick<VitConfig, 'patchSize' | 'hiddenSize'>,
  { bias = true } = {},
): Tensor {
  const [batch = 1, height = 0, width = 0, channels = 3] = pixels.shape;
  if (height % size !== 0 || width % size !== 0) {
    throw new ShapeError('the picture is not made of whole patches', {
      code: 'evaluation/picture-size',
      where: parameters.component,
      expected: `multiples of ${size} pixels`,
      got: `${height} × ${width}`,
    });
  }
  const [rows, columns] = [height / size, width / size];
  const kernel = parameters.get(`${path}.weight`, [hiddenSize, channels, size, size], 'oihw'); // [P, P, C, D]
  const squares = tf.transpose(
    tf.reshape(pixels, [batch * rows, size, columns, size * channels]),
    [0, 2, 1, 3],
  );
  const inputs = size * size * channels;
  const states = tf.matMul(
    tf.reshape(squares, [batch * rows * columns, inputs]),
    tf.reshape(kernel, [inputs, hiddenSize]),
  );
  const out = bias ? tf.add(states, parameters.get(`${path}.bias`, [hiddenSize])) : states;
  return tf.reshape(out, [batch, rows * columns, hiddenSize]);
}

/** Positions of the class token and of the picture's patches, `[1, 1 + N, D]`. */
export function positionTable(parameters: Parameters, config: VitConfig, pixels: Tensor): Tensor {
  const { hiddenSize: width, imageSize, patchSize, modelType } = config;
  const trained = imageSize / patchSize;
  const table = parameters.get('embeddings.position_embeddings', [1, trained ** 2 + 1, width]);
  const [, rows = 1, columns = 1] = pixels.shape.map((side) => Math.floor(side / patchSize));
  const antialias = modelType === 'dinov2_with_registers';
  const weights = positionWeights({ trained, rows, columns, antialias });
  if (weights === undefined) return table;
  const places = tf.reshape(tf.slice(table, [0, 1, 0], [1, trained ** 2, width]), [trained ** 2, width]);
  const scaled = tf.matMul(tf.tensor2d(weights, [rows * columns, trained ** 2]), places);
  return tf.concat(
    [tf.slice(table, [0, 0, 0], [1, 1, width]), tf.reshape(scaled, [1, rows * columns, width])],
    1,
  );
}

function layer(scope: Scope, path: string, config: VitConfig, x: Tensor): Tensor {
  const { parameters } = scope;
  const { hiddenSize, intermediateSize, heads, layerNormEps, qkvBias, modelType } = config;
  const keys = modelType === 'vit' ? KEYS.vit : KEYS.dinov2;
  const added = (name: string, state: Tensor): Tensor =>
    modelType === 'vit' ? state : tf.mul(state, parameters.get(`${path}.${name}.lambda1`, [hiddenSize]));
  const first = layerNorm(scope, `${path}.${keys.norm1}`, x, layerNormEps);
  const project = (name: string): Tensor =>
    parameters.linear(`${path}.attention.attention.${name}`, first, hiddenSize, { bias: qkvBias });
  const mixed = multiHeadAttention(project('query'), project('key'), project('value'), heads);
  const attended = parameters.linear(`${path}.attention.output.dense`, mixed, hiddenSize);
  const h = tf.add(x, added('layer_scale1', attended));
  const second = layerNorm(scope, `${path}.${keys.norm2}`, h, layerNormEps);
  const up = activations[config.activation](
    parameters.linear(`${path}.${keys.up}`, second, intermediateSize),
  );
  return tf.add(h, added('layer_scale2', parameters.linear(`${path}.${keys.down}`, up, hiddenSize)));
}
