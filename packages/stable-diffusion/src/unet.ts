// The UNet of Stable Diffusion 1.x and 2.x: noisy latents, timestep and text states in, noise (or velocity) out.
// Paths are the checkpoint's keys; the blocks are a table (unetConfig.ts) that this file walks down and up again.
// Reference: diffusers, models/unets/unet_2d_condition.py.
//
// Shapes: B batch, h × w latent height and width, C channels, E width of the time embedding, T tokens, D text width.
import type { Parameters } from '@likeness/core';
import { checkpointed, ShapeError, tf, type Tensor } from '@likeness/engine';
import { activations, groupNorm, seen, type Probe, type Scope } from './layers.ts';
import { downsample, resnet, spatialTransformer, upsample, type ResnetSettings } from './unetBlocks.ts';
import type { UNetBlock, UNetConfig } from './unetConfig.ts';

/** latents `[B, h, w, C]`, timesteps `[B]` (may be fractional), text states `[B, T, D]` → `[B, h, w, C]`. */
export type UNet = (
  parameters: Parameters,
  latents: Tensor,
  timesteps: Tensor,
  encoderHiddenStates: Tensor,
  probe?: Probe,
) => Tensor;

/** What every block of one pass sees. */
interface Pass extends Scope {
  readonly config: UNetConfig;
  /** Activated time embedding, `[B, E]`. */
  readonly time: Tensor;
  readonly text: Tensor;
}

export function createUNet(config: UNetConfig): UNet {
  return (parameters, latents, timesteps, encoderHiddenStates, probe) => {
    checkInputs(config, latents, encoderHiddenStates);
    const scope: Scope = { parameters, probe };
    const activation = activations[config.activation];

    const projected = seen(scope, 'time_proj', timestepProjection(timesteps, config.time));
    let time = parameters.linear('time_embedding.linear_1', projected, config.time.width);
    time = parameters.linear('time_embedding.linear_2', activation(time), config.time.width);
    time = activation(seen(scope, 'time_embedding', time));
    const pass: Pass = { ...scope, config, time, text: encoderHiddenStates };

    const [first] = config.down;
    const input = config.centerInput ? tf.sub(tf.mul(latents, 2), 1) : latents;
    const kernelIn = { kernelSize: config.convInKernel };
    let x = seen(scope, 'conv_in', parameters.conv2d('conv_in', input, first?.channels ?? 0, kernelIn));

    const skips = [x];
    for (const [i, block] of config.down.entries()) {
      const outputs = downBlock(pass, `down_blocks.${i}`, x, block);
      skips.push(...outputs);
      x = seen(scope, `down_blocks.${i}`, outputs.at(-1) ?? x);
    }
    if (config.mid) x = seen(scope, 'mid_block', midBlock(pass, x, config.mid));
    for (const [i, block] of config.up.entries()) {
      const used = skips.splice(-block.resnets);
      x = seen(scope, `up_blocks.${i}`, upBlock(pass, `up_blocks.${i}`, x, block, used, skips.at(-1)));
    }

    x = seen(scope, 'conv_norm_out', groupNorm(scope, 'conv_norm_out', x, config.normGroups, config.normEps));
    const kernelOut = { kernelSize: config.convOutKernel };
    return seen(
      scope,
      'conv_out',
      parameters.conv2d('conv_out', activation(x), config.outChannels, kernelOut),
    );
  };
}

/** @returns the outputs that the way up takes as skip connections, the last being the block's own */
function downBlock(pass: Pass, path: string, x: Tensor, block: UNetBlock): Tensor[] {
  const outputs: Tensor[] = [];
  let h = x;
  for (let i = 0; i < block.resnets; i++) {
    h = layer(pass, path, i, h, block);
    outputs.push(h);
  }
  if (block.resample)
    outputs.push(downsample(pass, `${path}.downsamplers.0`, h, pass.config.downsamplePadding));
  return outputs;
}

function midBlock(pass: Pass, x: Tensor, block: UNetBlock & { readonly scale: number }): Tensor {
  const settings = { ...resnetSettings(pass, block), scale: block.scale };
  let h = checkpointed(() => resnet(pass, 'mid_block.resnets.0', x, pass.time, settings));
  for (let i = 1; i < block.resnets; i++) {
    const input = h;
    h = checkpointed(() => {
      const attended = attend(pass, `mid_block.attentions.${i - 1}`, i - 1, input, block);
      return resnet(pass, `mid_block.resnets.${i}`, attended, pass.time, settings);
    });
  }
  return h;
}

/**
 * @param skips outputs of the way down, the last one used first
 * @param next the skip connection that comes after these: its size is the size to grow to
 */
function upBlock(
  pass: Pass,
  path: string,
  x: Tensor,
  block: UNetBlock,
  skips: readonly Tensor[],
  next?: Tensor,
): Tensor {
  let h = x;
  for (const [i, skip] of skips.toReversed().entries()) {
    h = layer(pass, path, i, tf.concat([h, skip], 3), block);
  }
  if (!block.resample) return h;
  const size = next && ([next.shape[1] ?? 1, next.shape[2] ?? 1] as const);
  return upsample(pass, `${path}.upsamplers.0`, h, size);
}

/** A resnet and the transformer behind it: the unit that gradient checkpointing recomputes. */
function layer(pass: Pass, path: string, i: number, x: Tensor, block: UNetBlock): Tensor {
  return checkpointed(() => {
    const h = resnet(pass, `${path}.resnets.${i}`, x, pass.time, resnetSettings(pass, block));
    return attend(pass, `${path}.attentions.${i}`, i, h, block);
  });
}

function attend(
  { config, text, ...scope }: Pass,
  path: string,
  i: number,
  x: Tensor,
  { attention }: UNetBlock,
): Tensor {
  if (attention === null) return x;
  return spatialTransformer(scope, path, x, text, {
    heads: attention.heads,
    depth: attention.depths[i] ?? 1,
    groups: config.normGroups,
    linearProjections: config.linearProjections,
    onlyCrossAttention: attention.onlyCrossAttention,
  });
}

function resnetSettings({ config }: Pass, block: UNetBlock): ResnetSettings {
  return {
    outChannels: block.channels,
    groups: config.normGroups,
    eps: config.normEps,
    activation: activations[config.activation],
    timeScaleShift: config.timeScaleShift,
  };
}

/**
 * Sinusoids of the timestep, `[B]` → `[B, channels]`. Frequencies are rounded to float32 as the reference's are: at
 * timestep 999 one rounding step more or less moves an angle by 6e-5.
 */
export function timestepProjection(
  timesteps: Tensor,
  { channels, cosFirst, freqShift }: Omit<UNetConfig['time'], 'width'>,
): Tensor {
  const half = Math.floor(channels / 2);
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    Math.exp(Math.fround(Math.fround(Math.fround(-Math.log(10000)) * i) / (half - freqShift))),
  );
  const angles = tf.mul(tf.reshape(timesteps, [-1, 1]), tf.tensor2d(frequencies, [1, half])); // [B, half]
  const waves = cosFirst ? [tf.cos(angles), tf.sin(angles)] : [tf.sin(angles), tf.cos(angles)];
  const projected = tf.concat(waves, 1);
  return channels % 2 === 0
    ? projected
    : tf.pad(projected, [
        [0, 0],
        [0, 1],
      ]);
}

function checkInputs(config: UNetConfig, latents: Tensor, text: Tensor): void {
  const details: string[] = [];
  if (latents.shape.at(-1) !== config.inChannels) {
    details.push(`latents [${latents.shape.join()}]: the model takes ${config.inChannels} channels`);
  }
  const blocks = [...config.down, ...(config.mid ? [config.mid] : []), ...config.up];
  const widths = new Set(blocks.flatMap(({ attention }) => (attention ? [attention.crossAttentionDim] : [])));
  for (const width of widths) {
    if (text.shape.at(-1) !== width)
      details.push(`text states [${text.shape.join()}]: the model takes width ${width}`);
  }
  if (details.length > 0)
    throw new ShapeError('inputs do not fit the model', {
      code: 'model/inputs-do-not-fit',
      where: 'unet',
      details,
    });
}
