// The autoencoder between pictures and latents: pixels [B, H, W, 3] in [-1, 1] ↔ latents [B, h, w, C], unscaled.
// Reference: diffusers, models/autoencoders/{autoencoder_kl,vae}.py.
import type { Parameters } from '@likeness/core';
import { tf, type Tensor } from '@likeness/engine';
import {
  activations,
  flattenPixels,
  groupNorm,
  multiHeadAttention,
  seen,
  type Probe,
  type Scope,
} from './layers.ts';
import { downsample, resnet, upsample, type ResnetSettings } from './unetBlocks.ts';
import type { VaeConfig } from './vaeConfig.ts';

const EPS = 1e-6;

export interface Autoencoder {
  /** Mean and log variance (clamped to [-30, 20]) of the latents' normal distribution. */
  encode(parameters: Parameters, pixels: Tensor, probe?: Probe): { mean: Tensor; logvar: Tensor };
  decode(parameters: Parameters, latents: Tensor, probe?: Probe): Tensor;
}

export function createAutoencoder(config: VaeConfig): Autoencoder {
  return {
    encode(parameters, pixels, probe) {
      const scope: Scope = { parameters, probe };
      let moments = seen(scope, 'encoder', encoder(scope, config, pixels));
      if (config.quantConv) moments = pointwise(scope, 'quant_conv', moments);
      const [mean, logvar] = tf.split(moments, 2, 3) as [Tensor, Tensor];
      return { mean, logvar: tf.clipByValue(logvar, -30, 20) };
    },
    decode(parameters, latents, probe) {
      const scope: Scope = { parameters, probe };
      const input = config.postQuantConv ? pointwise(scope, 'post_quant_conv', latents) : latents;
      return seen(scope, 'decoder', decoder(scope, config, input));
    },
  };
}

function encoder(scope: Scope, config: VaeConfig, pixels: Tensor): Tensor {
  const { parameters } = scope;
  const [first = 0] = config.channels;
  let x = seen(scope, 'encoder.conv_in', parameters.conv2d('encoder.conv_in', pixels, first));
  for (const [level, channels] of config.channels.entries()) {
    const path = `encoder.down_blocks.${level}`;
    for (let i = 0; i < config.layersPerBlock; i++) {
      x = resnet(scope, `${path}.resnets.${i}`, x, null, resnetSettings(config, channels));
    }
    if (level < config.channels.length - 1) x = downsample(scope, `${path}.downsamplers.0`, x, 0);
    seen(scope, path, x);
  }
  x = midBlock(scope, 'encoder.mid_block', config, x);
  return output(scope, 'encoder', config, x, 2 * config.latentChannels);
}

function decoder(scope: Scope, config: VaeConfig, latents: Tensor): Tensor {
  const { parameters } = scope;
  let x = seen(
    scope,
    'decoder.conv_in',
    parameters.conv2d('decoder.conv_in', latents, config.channels.at(-1) ?? 0),
  );
  x = midBlock(scope, 'decoder.mid_block', config, x);
  for (const [level, channels] of config.channels.toReversed().entries()) {
    const path = `decoder.up_blocks.${level}`;
    for (let i = 0; i <= config.layersPerBlock; i++) {
      x = resnet(scope, `${path}.resnets.${i}`, x, null, resnetSettings(config, channels));
    }
    if (level < config.channels.length - 1) x = upsample(scope, `${path}.upsamplers.0`, x);
    seen(scope, path, x);
  }
  return output(scope, 'decoder', config, x, config.outChannels);
}

function midBlock(scope: Scope, path: string, config: VaeConfig, x: Tensor): Tensor {
  const settings = resnetSettings(config, x.shape.at(-1) ?? 0);
  let h = resnet(scope, `${path}.resnets.0`, x, null, settings);
  if (config.midAttention) h = attention(scope, `${path}.attentions.0`, config, h);
  return seen(scope, path, resnet(scope, `${path}.resnets.1`, h, null, settings));
}

/** Every pixel looks at every other, with one head. */
function attention(scope: Scope, path: string, config: VaeConfig, x: Tensor): Tensor {
  const { parameters } = scope;
  const channels = x.shape.at(-1) ?? 0;
  const pixels = flattenPixels(groupNorm(scope, `${path}.group_norm`, x, config.normGroups, EPS));
  const project = (name: string, input: Tensor): Tensor =>
    parameters.linear(`${path}.${name}`, input, channels);
  const mixed = multiHeadAttention(
    project('to_q', pixels),
    project('to_k', pixels),
    project('to_v', pixels),
    1,
  );
  return seen(scope, path, tf.add(tf.reshape(project('to_out.0', mixed), x.shape), x));
}

/** The last norm is always followed by SiLU, whatever `act_fn` says. */
function output(scope: Scope, path: string, config: VaeConfig, x: Tensor, channels: number): Tensor {
  const normed = groupNorm(scope, `${path}.conv_norm_out`, x, config.normGroups, EPS);
  return scope.parameters.conv2d(`${path}.conv_out`, activations.silu(normed), channels);
}

function pointwise(scope: Scope, path: string, x: Tensor): Tensor {
  return seen(scope, path, scope.parameters.conv2d(path, x, x.shape.at(-1) ?? 0, { kernelSize: 1 }));
}

function resnetSettings(config: VaeConfig, outChannels: number): ResnetSettings {
  return { outChannels, groups: config.normGroups, eps: EPS, activation: activations[config.activation] };
}
