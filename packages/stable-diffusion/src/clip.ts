// CLIP's text encoder: token ids [B, T] → text states [B, T, D]. Causal, and without a padding mask.
// Reference: transformers, models/clip/modeling_clip.py (`CLIPTextModel`).
import type { Parameters } from '@likeness/core';
import { checkpointed, ShapeError, tf, type Tensor } from '@likeness/engine';
import type { ClipTextConfig } from './clipConfig.ts';
import { activations, layerNorm, multiHeadAttention, type Scope } from './layers.ts';

export interface TextStates {
  /** The output of every layer, the embeddings first; before the last norm. */
  readonly hiddenStates: readonly Tensor[];
  /** The last layer's output through the last norm. */
  readonly lastHiddenState: Tensor;
  /** The output `layers` layers before the last one, through the last norm ("clip skip"). */
  skipping(layers: number): Tensor;
}

/** ids int32 `[B, T]` → text states `[B, T, D]`. */
export type ClipTextEncoder = (parameters: Parameters, ids: Tensor) => TextStates;

export function createClipTextEncoder(config: ClipTextConfig): ClipTextEncoder {
  return (parameters, ids) => {
    const scope: Scope = { parameters };
    const tokens = ids.shape.at(-1) ?? 0;
    if (tokens > config.maxPositions) {
      throw new ShapeError('prompt is longer than the position table', {
        code: 'prompt/longer-than-positions',
        where: 'text_encoder',
        expected: `at most ${config.maxPositions} tokens`,
        got: `${tokens}`,
      });
    }
    const mask = causalMask(tokens);
    let x = embed(scope, config, ids, tokens);
    const hiddenStates = [x];
    for (let i = 0; i < config.layers; i++) {
      const input = x;
      x = checkpointed(() => clipEncoderLayer(scope, `text_model.encoder.layers.${i}`, config, input, mask));
      hiddenStates.push(x);
    }
    const normed = (state: Tensor): Tensor =>
      layerNorm(scope, 'text_model.final_layer_norm', state, config.layerNormEps);
    return {
      hiddenStates,
      lastHiddenState: normed(x),
      skipping(layers) {
        const state = hiddenStates.at(-(layers + 1));
        if (state === undefined) {
          throw new ShapeError('clip skip is larger than the text encoder', {
            code: 'model/clip-skip',
            where: 'text_encoder',
            expected: `at most ${config.layers}`,
            got: `${layers}`,
          });
        }
        return normed(state);
      },
    };
  };
}

function embed({ parameters }: Scope, config: ClipTextConfig, ids: Tensor, tokens: number): Tensor {
  const path = 'text_model.embeddings';
  const table = parameters.get(`${path}.position_embedding.weight`, [config.maxPositions, config.hiddenSize]);
  const positions =
    tokens === config.maxPositions ? table : tf.slice(table, [0, 0], [tokens, config.hiddenSize]);
  const embedded = parameters.embedding(`${path}.token_embedding`, ids, config.vocabSize, config.hiddenSize);
  return tf.add(embedded, positions);
}

/** What a layer of either of CLIP's towers is made of. */
export type ClipLayerConfig = Pick<
  ClipTextConfig,
  'hiddenSize' | 'intermediateSize' | 'heads' | 'layerNormEps' | 'activation'
>;

/**
 * One layer of a tower: attention and a perceptron, each after a norm and added to its input.
 * @param x `[B, N, hiddenSize]`
 * @param mask added to the scores of attention
 */
export function clipEncoderLayer(
  scope: Scope,
  path: string,
  config: ClipLayerConfig,
  x: Tensor,
  mask?: Tensor,
): Tensor {
  const { parameters } = scope;
  const { hiddenSize, intermediateSize, heads, layerNormEps } = config;
  const project = (name: string, input: Tensor): Tensor =>
    parameters.linear(`${path}.self_attn.${name}`, input, hiddenSize);
  const first = layerNorm(scope, `${path}.layer_norm1`, x, layerNormEps);
  const mixed = multiHeadAttention(
    project('q_proj', first),
    project('k_proj', first),
    project('v_proj', first),
    heads,
    mask,
  );
  const h = tf.add(x, project('out_proj', mixed));
  const second = layerNorm(scope, `${path}.layer_norm2`, h, layerNormEps);
  const hidden = activations[config.activation](
    parameters.linear(`${path}.mlp.fc1`, second, intermediateSize),
  );
  return tf.add(h, parameters.linear(`${path}.mlp.fc2`, hidden, hiddenSize));
}

/** `[1, 1, T, T]`: 0 where a token may look, far below any score where it may not. */
function causalMask(tokens: number): Tensor {
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens > Math.floor(i / tokens) ? -1e9 : 0,
  );
  return tf.tensor4d(mask, [1, 1, tokens, tokens]);
}

/**
 * Where the pooled output is taken from: the end-of-text token's first position.
 * Published files with `eos_token_id` 2 (written before transformers corrected it) mean the highest id.
 */
export function pooledPosition(ids: ArrayLike<number>, { eosTokenId }: ClipTextConfig): number {
  const row = Array.from(ids);
  const position = row.indexOf(eosTokenId === 2 ? Math.max(...row) : eosTokenId);
  // argmax of no match: the first position
  return Math.max(position, 0);
}
