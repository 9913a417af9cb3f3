// A model with Stable Diffusion 1.5's UNet (860 M parameters) and no weights: neither time nor memory depends on them.
import { Parameters, type DiffusionModel } from '@likeness/core';
import { defineFunction, float32, traceShapes, variableInfo } from '@likeness/engine';
import { createUNet, parseUNetConfig } from '@likeness/stable-diffusion';
import { openModel } from '../../src/composition.ts';

/** `unet/config.json` of Stable Diffusion 1.5. */
const UNET = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 768,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
};
const TOKENS = 77;

/** Text states are made up, so the text encoder and the autoencoder stay those of the bundled model. */
export async function sd15Model(storage: 'float32' | 'bfloat16'): Promise<DiffusionModel> {
  const bundled = await openModel('doodle');
  const parameters = new Parameters({ component: 'unet', storage });
  const unet = createUNet(parseUNetConfig(UNET, 'Stable Diffusion 1.5'));
  const textEncoder = { ...bundled.textEncoder, maxLength: TOKENS, hiddenSize: UNET.cross_attention_dim };
  const latents = float32(1, UNET.sample_size, UNET.sample_size, UNET.in_channels);
  const text = float32(1, TOKENS, UNET.cross_attention_dim);
  // Parameters come to be when they are first asked for.
  traceShapes(
    defineFunction({ latents, timesteps: float32(1), text }, (inputs) => ({
      out: unet(parameters, inputs.latents, inputs.timesteps, inputs.text),
    })),
  );
  const tensors = [...parameters.entries()].map(([key, { shape }]) => {
    return [key, { name: key, dtype: 'F32', shape, file: 'none', offset: 0, byteLength: 0 }] as const;
  });
  return {
    ...bundled,
    source: 'Stable Diffusion 1.5 without weights',
    resolution: 512,
    recommended: {},
    textEncoder,
    noisePredictor: {
      name: 'unet',
      parameters,
      tensors: new Map(tensors),
      latentChannels: UNET.in_channels,
      predict: (noisy, timesteps, states) => unet(parameters, noisy, timesteps, states),
    },
  };
}

/** One number for each variable of the UNet, so that activations stay of the order of 1. */
export function madeUpWeights({ noisePredictor }: DiffusionModel): Map<string, Float32Array> {
  const variables = [...noisePredictor.parameters.entries().values()].map(({ variable }) => variable);
  return new Map(
    variables.map((variable) => {
      const fanIn = variable.size / (variable.shape.at(-1) ?? 1);
      return [variableInfo(variable).name, Float32Array.of(variable.rank > 1 ? 0.1 / Math.sqrt(fanIn) : 0.1)];
    }),
  );
}
