// CLIP: a tower for pictures and one for texts, both projected into one space.
// Reference: transformers, models/clip/modeling_clip.py (`CLIPModel`; `pre_layrnorm` is how the keys spell it).
import { ShapeError, tf, type Parameters, type Tensor } from '@likeness/core';
import {
  clipEncoderLayer,
  createClipTextEncoder,
  layerNorm,
  type ClipTextConfig,
  type Scope,
} from '@likeness/stable-diffusion';
import type { ClipModelConfig } from './clipModelConfig.ts';
import { classToken, patchStates } from './vit.ts';

export interface ClipModel {
  /** Pixels `[B, H, W, 3]` → states `[B, 1 + N, width]` of the class token and the patches, before the last norm. */
  imageStates(parameters: Parameters, pixels: Tensor): Tensor;
  /** Pixels `[B, H, W, 3]` → `[B, D]`. */
  imageFeatures(parameters: Parameters, pixels: Tensor): Tensor;
  /** Ids int32 `[B, T]` → `[B, D]`. */
  textFeatures(parameters: Parameters, ids: Tensor): Tensor;
  /** What cosines are multiplied with, as its natural logarithm: a scalar. */
  logitScale(parameters: Parameters): Tensor;
}

export function createClipModel({ vision, text, projectionSize }: ClipModelConfig): ClipModel {
  const textEncoder = createClipTextEncoder(text);
  const imageStates = (parameters: Parameters, pixels: Tensor): Tensor => {
    const scope: Scope = { parameters };
    let x = layerNorm(
      scope,
      'vision_model.pre_layrnorm',
      embed(parameters, vision, pixels),
      vision.layerNormEps,
    );
    for (let i = 0; i < vision.layers; i++)
      x = clipEncoderLayer(scope, `vision_model.encoder.layers.${i}`, vision, x);
    return x;
  };
  return {
    imageStates,
    imageFeatures(parameters, pixels) {
      const state = classToken(imageStates(parameters, pixels));
      const normed = layerNorm({ parameters }, 'vision_model.post_layernorm', state, vision.layerNormEps);
      return parameters.linear('visual_projection', normed, projectionSize, { bias: false });
    },
    textFeatures(parameters, ids) {
      const states = textEncoder(parameters, ids).lastHiddenState; // [B, T, width]
      const pooled = tf.sum(tf.mul(states, tf.expandDims(endOfText(ids, text), 2)), 1);
      return parameters.linear('text_projection', pooled, projectionSize, { bias: false });
    },
    logitScale: (parameters) => parameters.get('logit_scale', []),
  };
}

function embed(parameters: Parameters, config: ClipModelConfig['vision'], pixels: Tensor): Tensor {
  const path = 'vision_model.embeddings';
  const { hiddenSize, imageSize, patchSize } = config;
  const [batch = 1, height, width] = pixels.shape;
  if (height !== imageSize || width !== imageSize) {
    throw new ShapeError('the picture is not of the size the network knows places of', {
      code: 'evaluation/picture-size',
      where: parameters.component,
      expected: `${imageSize} × ${imageSize} pixels`,
      got: `${height} × ${width}`,
    });
  }
  const patches = patchStates(parameters, `${path}.patch_embedding`, pixels, config, { bias: false });
  const token = parameters.get(`${path}.class_embedding`, [hiddenSize]);
  const places = (imageSize / patchSize) ** 2 + 1;
  return tf.add(
    tf.concat([tf.add(tf.zeros([batch, 1, hiddenSize]), token), patches], 1),
    parameters.get(`${path}.position_embedding.weight`, [places, hiddenSize]),
  );
}

/**
 * 1 at the first end-of-text token of each row, 0 elsewhere: `[B, T]`. Published files with `eos_token_id` 2 (written
 * before transformers corrected it) mean the highest id; see `pooledPosition` of the text encoder.
 */
function endOfText(ids: Tensor, { eosTokenId }: ClipTextConfig): Tensor {
  const [, length = 1] = ids.shape;
  const numbers = tf.cast(ids, 'float32'); // exact: ids are far below 2²⁴
  const end = eosTokenId === 2 ? tf.max(numbers, 1, true) : tf.scalar(eosTokenId);
  const isEnd = tf.cast(tf.equal(numbers, end), 'float32');
  // Highest at the first of them; without any, at the first token, as argmax does it.
  const places = tf.tensor1d(Float32Array.from({ length }, (_, i) => length - i));
  const first = tf.tensor1d(Float32Array.from({ length }, (_, i) => (i === 0 ? 0.5 : 0)));
  const score = tf.add(tf.mul(isEnd, places), first);
  return tf.cast(tf.equal(score, tf.max(score, 1, true)), 'float32');
}
