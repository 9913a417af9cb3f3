// Three networks of a few thousand weights with the parts methods attach to: linear layers, convolutions, embeddings,
// attention over the text. Paths are those of Stable Diffusion's checkpoints, so that patterns find their layers.
//
// Shapes: pictures 32 × 32, latents 4 × 4 × 4, 8 tokens of width 8.
import { tf, type Tensor } from '@likeness/engine';
import type { Parameters } from '../model/parameters.ts';

export const RESOLUTION = 32;
export const DOWNSAMPLE = 8;
export const LATENT_CHANNELS = 4;
export const MAX_TOKENS = 8;
export const VOCABULARY = 64;
export const TEXT_WIDTH = 8;
const WIDTH = 16;

const silu = (x: Tensor): Tensor => tf.mul(x, tf.sigmoid(x));

/** softmax(q kᵀ / √d) v; q `[B, N, D]`, k and v `[B, M, D]` → `[B, N, D]`. */
function attention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const scores = tf.mul(tf.matMul(q, k, false, true), (q.shape.at(-1) ?? 1) ** -0.5);
  return tf.matMul(tf.softmax(scores), v);
}

/** ids int32 `[B, T]` → states `[B, T, D]`. */
export function tinyTextEncoder(parameters: Parameters, ids: Tensor): Tensor {
  const embeddings = 'text_model.embeddings';
  const layer = 'text_model.encoder.layers.0';
  const positions = parameters.get(`${embeddings}.position_embedding.weight`, [MAX_TOKENS, TEXT_WIDTH]);
  const tokens = parameters.embedding(`${embeddings}.token_embedding`, ids, VOCABULARY, TEXT_WIDTH);
  const x = tf.add(tokens, positions); // [B, T, D]
  const project = (name: string, input: Tensor): Tensor =>
    parameters.linear(`${layer}.self_attn.${name}`, input, TEXT_WIDTH);
  const mixed = attention(project('q_proj', x), project('k_proj', x), project('v_proj', x));
  const h = tf.add(x, project('out_proj', mixed));
  const inner = silu(parameters.linear(`${layer}.mlp.fc1`, h, 2 * TEXT_WIDTH));
  return tf.add(h, parameters.linear(`${layer}.mlp.fc2`, inner, TEXT_WIDTH));
}

/** latents `[B, h, w, C]`, timesteps `[B]`, states `[B, T, D]` → prediction `[B, h, w, C]`. */
export function tinyNoisePredictor(
  parameters: Parameters,
  latents: Tensor,
  timesteps: Tensor,
  encoderHiddenStates: Tensor,
): Tensor {
  const [batch = 1, height = 1, width = 1] = latents.shape;
  const time = timeEmbedding(parameters, timesteps); // [B, D]
  const x = parameters.conv2d('conv_in', latents, WIDTH); // [B, h, w, D]
  const resnet = 'down_blocks.0.resnets.0';
  const shift = parameters.linear(`${resnet}.time_emb_proj`, time, WIDTH);
  const h = tf.add(
    silu(parameters.conv2d(`${resnet}.conv1`, silu(x), WIDTH)),
    tf.reshape(shift, [batch, 1, 1, WIDTH]),
  );
  const block = 'down_blocks.0.attentions.0.transformer_blocks.0';
  const pixels = tf.reshape(h, [batch, height * width, WIDTH]); // [B, N, D]
  const attend = (path: string, to: Tensor): Tensor => {
    const project = (name: string, input: Tensor): Tensor =>
      parameters.linear(`${path}.${name}`, input, WIDTH, { bias: false });
    const mixed = attention(project('to_q', pixels), project('to_k', to), project('to_v', to));
    return parameters.linear(`${path}.to_out.0`, mixed, WIDTH);
  };
  const attended = tf.add(
    tf.add(pixels, attend(`${block}.attn1`, pixels)),
    attend(`${block}.attn2`, encoderHiddenStates),
  );
  const back = tf.add(x, tf.reshape(attended, [batch, height, width, WIDTH]));
  return parameters.conv2d('conv_out', silu(back), LATENT_CHANNELS);
}

/** Sines and cosines of `[B]` timesteps through a linear layer, `[B, D]`. */
function timeEmbedding(parameters: Parameters, timesteps: Tensor): Tensor {
  const rates = tf.tensor1d(Array.from({ length: WIDTH / 2 }, (_, i) => 10_000 ** (-2 * (i / WIDTH))));
  const angles = tf.mul(tf.expandDims(timesteps, 1), tf.expandDims(rates, 0));
  const waves = tf.concat([tf.cos(angles), tf.sin(angles)], 1);
  return silu(parameters.linear('time_embedding.linear_1', waves, WIDTH));
}

/** pixels `[B, H, W, 3]` → mean and log variance `[B, h, w, C]`. */
export function tinyEncoder(parameters: Parameters, pixels: Tensor): { mean: Tensor; logvar: Tensor } {
  const options = { kernelSize: DOWNSAMPLE, stride: DOWNSAMPLE, padding: 'valid' } as const;
  const x = parameters.conv2d('encoder.conv_in', pixels, WIDTH, options);
  const moments = parameters.conv2d('quant_conv', x, 2 * LATENT_CHANNELS, { kernelSize: 1 });
  const [mean, logvar] = tf.split(moments, 2, 3) as [Tensor, Tensor];
  return { mean, logvar: tf.sub(logvar, 4) };
}

/** latents `[B, h, w, C]` → pixels `[B, H, W, 3]`: every latent paints its own square. */
export function tinyDecoder(parameters: Parameters, latents: Tensor): Tensor {
  const [batch = 1, height = 1, width = 1] = latents.shape;
  const squares = parameters.linear('decoder.conv_out', latents, DOWNSAMPLE * DOWNSAMPLE * 3);
  const cut = tf.reshape(squares, [batch, height, width, DOWNSAMPLE, DOWNSAMPLE * 3]);
  const rows = tf.transpose(cut, [0, 1, 3, 2, 4]); // [B, h, 8, w, 8 · 3]
  return tf.tanh(tf.reshape(rows, [batch, height * DOWNSAMPLE, width * DOWNSAMPLE, 3]));
}
