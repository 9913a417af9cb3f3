// Infers what an LDM file does not say - the configs - from the shapes of its tensors. What shapes cannot tell
// (heads, norm groups, prediction type) is filled in as Stable Diffusion 1.x and 2.x have it.

import { WeightsError, type TensorEntry } from '@likeness/engine';
import type { PredictionType } from '../schedule/index.ts';
import type { Prediction } from './predictionType.ts';
import { LDM_PREFIX, type TextLayout } from './ldmKeyMap.ts';

export interface LdmModelConfigs {
  readonly unet: unknown;
  readonly vae: unknown;
  readonly textEncoder: unknown;
  readonly scheduler: unknown;
}

type Tensors = ReadonlyMap<string, TensorEntry>;

/** Which family a file belongs to. @throws WeightsError when it is no SD 1.x or 2.x checkpoint */
export function detectTextLayout(tensors: Tensors, path: string): TextLayout {
  const has = (prefix: string): boolean => [...tensors.keys()].some((name) => name.startsWith(prefix));
  const refuse = (got: string, hint: string): WeightsError =>
    new WeightsError('not a Stable Diffusion 1.x or 2.x checkpoint', {
      code: 'model/other-architecture',
      where: path,
      expected: `tensors under ${LDM_PREFIX.unet}, ${LDM_PREFIX.vae} and cond_stage_model.`,
      got,
      hint,
    });
  if (has('conditioner.embedders.'))
    throw refuse('an SDXL checkpoint', 'SDXL is not supported: choose an SD 1.x or 2.x model.');
  const missing: string[] = [LDM_PREFIX.unet, LDM_PREFIX.vae].filter((prefix) => !has(prefix));
  const layouts: [TextLayout, string][] = [
    ['transformers', LDM_PREFIX.textTransformers],
    ['openClip', LDM_PREFIX.textOpenClip],
  ];
  const layout = layouts.find(([, prefix]) => has(prefix))?.[0];
  if (layout === undefined) missing.push('cond_stage_model.');
  if (missing.length > 0 || layout === undefined) {
    throw refuse(
      `no tensors under ${missing.join(', ')}`,
      'A LoRA, VAE or embedding file is not a whole model; give the checkpoint it was made for.',
    );
  }
  return layout;
}

/** @throws WeightsError naming the tensors without which nothing can be inferred */
export function inferLdmConfigs(
  tensors: Tensors,
  prediction: Prediction,
  layout: TextLayout,
  path: string,
): LdmModelConfigs {
  const shapes = new Shapes(tensors, path);
  return {
    unet: inferUnet(shapes, layout, prediction.type),
    vae: inferVae(shapes),
    textEncoder: layout === 'openClip' ? inferOpenClip(shapes) : inferClip(shapes),
    scheduler: schedulerConfig(prediction),
  };
}

class Shapes {
  readonly #tensors: Tensors;
  readonly #path: string;

  constructor(tensors: Tensors, path: string) {
    this.#tensors = tensors;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Size of an axis. */
  size(name: string, axis: number): number {
    const size = this.#tensors.get(name)?.shape[axis];
    if (size !== undefined) return size;
    throw new WeightsError('the architecture cannot be told from this file', {
      code: 'model/architecture-untold',
      where: this.#path,
      expected: `a tensor ${name} with at least ${axis + 1} axes`,
      hint: 'The checkpoint is incomplete, or not of Stable Diffusion: give a diffusers folder with its configs.',
    });
  }

  rank(name: string): number {
    return this.#tensors.get(name)?.shape.length ?? 0;
  }

  /** How many of `name(0)`, `name(1)`, … there are. */
  count(name: (i: number) => string): number {
    let i = 0;
    while (this.has(name(i))) i++;
    return i;
  }
}

function inferUnet(shapes: Shapes, layout: TextLayout, predictionType: PredictionType): unknown {
  const input = (n: number, rest: string): string => `${LDM_PREFIX.unet}input_blocks.${n}.${rest}`;
  const attention = (n: number): string => input(n, '1.transformer_blocks.0.attn2.to_k.weight');
  const levels: { channels: number; layers: number; attends: boolean }[] = [
    { channels: 0, layers: 0, attends: false },
  ];
  for (let n = 1; ; n++) {
    const level = levels.at(-1);
    if (level === undefined) break;
    if (shapes.has(input(n, '0.op.weight'))) {
      levels.push({ channels: 0, layers: 0, attends: false });
    } else if (shapes.has(input(n, '0.in_layers.2.weight'))) {
      level.channels = shapes.size(input(n, '0.in_layers.2.weight'), 0);
      level.layers++;
      level.attends ||= shapes.has(attention(n));
    } else break;
  }
  const attending = levels.findIndex(({ attends }) => attends);
  const firstAttention = levels.slice(0, Math.max(attending, 0)).reduce((n, { layers }) => n + layers + 1, 1);
  const linear = shapes.rank(input(firstAttention, '1.proj_in.weight')) === 2;
  const channels = levels.map((level) => level.channels);
  const depth = shapes.count((i) => input(firstAttention, `1.transformer_blocks.${i}.attn2.to_k.weight`));
  const layersPerBlock = levels.map(({ layers }) => layers);
  return {
    _class_name: 'UNet2DConditionModel',
    act_fn: 'silu',
    // diffusers' name, but the number of heads: 8 in SD 1.x, one per 64 channels in SD 2.x
    attention_head_dim:
      layout === 'openClip' ? channels.map((size) => Math.max(1, Math.floor(size / 64))) : 8,
    block_out_channels: channels,
    center_input_sample: false,
    cross_attention_dim: shapes.size(attention(firstAttention), 1),
    down_block_types: levels.map(({ attends }) => (attends ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
    downsample_padding: 1,
    flip_sin_to_cos: true,
    freq_shift: 0,
    in_channels: shapes.size(input(0, '0.weight'), 1),
    layers_per_block: new Set(layersPerBlock).size === 1 ? layersPerBlock[0] : layersPerBlock,
    mid_block_scale_factor: 1,
    mid_block_type: 'UNetMidBlock2DCrossAttn',
    norm_eps: 1e-5,
    norm_num_groups: 32,
    out_channels: shapes.size(`${LDM_PREFIX.unet}out.2.weight`, 0),
    // SD 2.x with v-prediction was trained at 768 pixels
    sample_size: layout === 'openClip' && predictionType === 'v_prediction' ? 96 : 64,
    transformer_layers_per_block: depth,
    up_block_types: levels.toReversed().map(({ attends }) => (attends ? 'CrossAttnUpBlock2D' : 'UpBlock2D')),
    use_linear_projection: linear,
  };
}

function inferVae(shapes: Shapes): unknown {
  const encoder = (level: number, block: number): string =>
    `${LDM_PREFIX.vae}encoder.down.${level}.block.${block}.conv1.weight`;
  const levels = shapes.count((i) => encoder(i, 0));
  const channels = Array.from({ length: levels }, (_, i) => shapes.size(encoder(i, 0), 0));
  return {
    _class_name: 'AutoencoderKL',
    act_fn: 'silu',
    block_out_channels: channels,
    down_block_types: channels.map(() => 'DownEncoderBlock2D'),
    in_channels: shapes.size(`${LDM_PREFIX.vae}encoder.conv_in.weight`, 1),
    latent_channels: shapes.size(`${LDM_PREFIX.vae}decoder.conv_in.weight`, 1),
    layers_per_block: shapes.count((j) => encoder(0, j)),
    mid_block_add_attention: shapes.has(`${LDM_PREFIX.vae}encoder.mid.attn_1.q.weight`),
    norm_num_groups: 32,
    out_channels: shapes.size(`${LDM_PREFIX.vae}decoder.conv_out.weight`, 0),
    sample_size: 512,
    scaling_factor: 0.18215,
    up_block_types: channels.map(() => 'UpDecoderBlock2D'),
    use_post_quant_conv: shapes.has(`${LDM_PREFIX.vae}post_quant_conv.weight`),
    use_quant_conv: shapes.has(`${LDM_PREFIX.vae}quant_conv.weight`),
  };
}

function inferClip(shapes: Shapes): unknown {
  // merged checkpoints come without `text_model.` at times
  const roots = [`${LDM_PREFIX.textTransformers}text_model.`, LDM_PREFIX.textTransformers];
  const root =
    roots.find((prefix) => shapes.has(`${prefix}embeddings.token_embedding.weight`)) ?? roots[0] ?? '';
  const layer = (i: number): string => `${root}encoder.layers.${i}.mlp.fc1.weight`;
  return textConfig(shapes, {
    tokens: `${root}embeddings.token_embedding.weight`,
    positions: `${root}embeddings.position_embedding.weight`,
    layer,
    layers: shapes.count(layer),
    activation: 'quick_gelu',
  });
}

function inferOpenClip(shapes: Shapes): unknown {
  const root = LDM_PREFIX.textOpenClip;
  const layer = (i: number): string => `${root}transformer.resblocks.${i}.mlp.c_fc.weight`;
  const blocks = shapes.count(layer);
  return textConfig(shapes, {
    tokens: `${root}token_embedding.weight`,
    positions: `${root}positional_embedding`,
    layer,
    // SD 2.x uses the states before OpenCLIP ViT-H's last block; diffusers leaves that block out
    layers: blocks === 24 ? 23 : blocks,
    activation: 'gelu',
  });
}

function textConfig(
  shapes: Shapes,
  names: {
    tokens: string;
    positions: string;
    layer: (i: number) => string;
    layers: number;
    activation: string;
  },
): unknown {
  const hiddenSize = shapes.size(names.tokens, 1);
  return {
    architectures: ['CLIPTextModel'],
    attention_dropout: 0,
    bos_token_id: 49406,
    eos_token_id: 49407,
    hidden_act: names.activation,
    hidden_size: hiddenSize,
    initializer_factor: 1,
    initializer_range: 0.02,
    intermediate_size: shapes.size(names.layer(0), 0),
    layer_norm_eps: 1e-5,
    max_position_embeddings: shapes.size(names.positions, 0),
    model_type: 'clip_text_model',
    num_attention_heads: Math.max(1, Math.floor(hiddenSize / 64)),
    num_hidden_layers: names.layers,
    pad_token_id: 1,
    projection_dim: hiddenSize,
    vocab_size: shapes.size(names.tokens, 0),
  };
}

function schedulerConfig({ type: predictionType, zeroSnr }: Prediction): unknown {
  return {
    _class_name: predictionType === 'epsilon' && !zeroSnr ? 'PNDMScheduler' : 'DDIMScheduler',
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    beta_start: 0.00085,
    clip_sample: false,
    num_train_timesteps: 1000,
    ...(zeroSnr ? { rescale_betas_zero_snr: true } : {}),
    prediction_type: predictionType,
    set_alpha_to_one: false,
    ...(predictionType === 'epsilon' && !zeroSnr ? { skip_prk_steps: true } : {}),
    steps_offset: 1,
    timestep_spacing: zeroSnr ? 'trailing' : 'leading',
    trained_betas: null,
  };
}
