// A diffusion model of a few thousand weights, in files like any other: loading, exporting and loading again are real,
// and a whole run takes seconds. What plugins are tested on, and the pipeline itself.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  createRng,
  defineFunction,
  float32,
  int32,
  readSafetensorsHeader,
  traceShapes,
  writeSafetensors,
} from '@likeness/engine';
import type { DiffusionModel, ModelComponent, NoiseSchedule, PredictionType } from '../contracts.ts';
import { ConfigError } from '../errors.ts';
import { Parameters } from '../model/parameters.ts';
import {
  DOWNSAMPLE,
  LATENT_CHANNELS,
  MAX_TOKENS,
  RESOLUTION,
  TEXT_WIDTH,
  tinyDecoder,
  tinyEncoder,
  tinyNoisePredictor,
  tinyTextEncoder,
} from './tinyNetworks.ts';
import { tinySample, TINY_SAMPLER } from './tinySampler.ts';
import { createTinyTokenizer } from './tinyTokenizer.ts';

const FILES: Readonly<Record<string, string>> = {
  text_encoder: 'text_encoder/model.safetensors',
  unet: 'unet/diffusion_pytorch_model.safetensors',
  vae: 'vae/diffusion_pytorch_model.safetensors',
};
/** Where the weights file of the autoencoder notes a factor measured anew: the tiny model has no config files. */
const SCALING_FACTOR = 'scaling_factor';
const DTYPES = { fp32: 'F32', fp16: 'F16', bf16: 'BF16' } as const;

export interface TinyModelOptions {
  /** Of the random weights. Default 0. */
  readonly seed?: number;
  /** What the network is taken to predict. Default epsilon. */
  readonly predictionType?: PredictionType;
}

/** Writes a tiny model with random weights into a folder, and opens it. Equal seeds give equal bytes. */
export async function createTinyModel(
  folder: string,
  { seed = 0, ...options }: TinyModelOptions = {},
): Promise<DiffusionModel> {
  const networks = declareNetworks();
  const rng = createRng(seed);
  for (const [name, parameters] of Object.entries(networks)) {
    const path = join(folder, FILES[name] ?? name);
    await mkdir(dirname(path), { recursive: true });
    await writeSafetensors(
      path,
      [...parameters.entries().values()].map(({ key, shape }) => ({
        name: key,
        dtype: 'F32' as const,
        shape,
        data: () => {
          const size = shape.reduce((product, length) => product * length, 1);
          const fanIn = shape.length > 1 ? size / (shape[0] ?? 1) : 100;
          // Biases are small and not zero: one that is left out shows.
          return rng
            .stream(`${name}.${key}`, 0, 0)
            .normal(size)
            .map((value) => value * fanIn ** -0.5);
        },
      })),
    );
    parameters.dispose();
  }
  return openTinyModel(folder, options);
}

/** Opens a folder that `createTinyModel` or an export wrote. */
export async function openTinyModel(
  folder: string,
  { predictionType = 'epsilon' }: Omit<TinyModelOptions, 'seed'> = {},
): Promise<DiffusionModel> {
  const { text_encoder, unet, vae } = declareNetworks();
  const hash = createHash('sha256');
  const hashes = new Map<string, string>();
  const component = async (name: string, parameters: Parameters): Promise<ModelComponent> => {
    const path = join(folder, FILES[name] ?? name);
    const bytes = await readFile(path);
    hash.update(bytes);
    hashes.set(name, createHash('sha256').update(bytes).digest('hex'));
    return { name, parameters, tensors: (await readSafetensorsHeader(path)).tensors };
  };
  const components = {
    textEncoder: await component('text_encoder', text_encoder),
    noisePredictor: await component('unet', unet),
    latentCodec: await component('vae', vae),
  };
  const schedule = linearSchedule(predictionType);
  const { metadata: notes } = await readSafetensorsHeader(join(folder, FILES['vae'] ?? ''));
  return {
    source: folder,
    fingerprint: hash.digest('hex'),
    componentFingerprint: async (name) => hashes.get(name) ?? '',
    resolution: RESOLUTION,
    textEncoder: {
      ...components.textEncoder,
      maxLength: MAX_TOKENS,
      hiddenSize: TEXT_WIDTH,
      encode: (ids) => tinyTextEncoder(text_encoder, ids),
    },
    noisePredictor: {
      ...components.noisePredictor,
      latentChannels: LATENT_CHANNELS,
      predict: (latents, timesteps, states) => tinyNoisePredictor(unet, latents, timesteps, states),
    },
    latentCodec: {
      ...components.latentCodec,
      scalingFactor: Number(notes[SCALING_FACTOR] ?? 0.5),
      downsampleFactor: DOWNSAMPLE,
      encode: (pixels) => tinyEncoder(vae, pixels),
      decode: (latents) => tinyDecoder(vae, latents),
    },
    tokenizer: createTinyTokenizer(),
    noiseSchedule: schedule,
    samplers: [TINY_SAMPLER],
    recommended: { numInferenceSteps: 3, guidanceScale: 2 },
    sample: (request) => tinySample(schedule, request),
    export: async (path, weights, changed, { dtype, format, metadata, scalingFactor }) => {
      if (format !== 'diffusers') {
        throw new ConfigError('the tiny model has no such format', {
          code: 'model/no-such-format',
          expected: 'diffusers',
          got: format,
        });
      }
      for (const { name, parameters } of Object.values(components)) {
        const file = FILES[name] ?? name;
        await mkdir(dirname(join(path, file)), { recursive: true });
        if (!changed.includes(name)) {
          await copyFile(join(folder, file), join(path, file));
          continue;
        }
        const tensors = [...parameters.entries().values()].map(({ key, layout }) => ({
          variable: parameters.variableName(key),
          key,
          dtype: dtype === 'asIs' ? 'F32' : DTYPES[dtype],
          layout,
        }));
        const noted =
          name === 'vae' && scalingFactor !== undefined ? { [SCALING_FACTOR]: String(scalingFactor) } : {};
        await weights.save(join(path, file), tensors, { ...metadata, ...noted });
      }
      return Object.values(FILES);
    },
  };
}

/** Parameters of the three networks, declared by tracing each once. */
function declareNetworks(): Record<'text_encoder' | 'unet' | 'vae', Parameters> {
  const [text_encoder, unet, vae] = ['text_encoder', 'unet', 'vae'].map(
    (component) => new Parameters({ component }),
  ) as [Parameters, Parameters, Parameters];
  const side = RESOLUTION / DOWNSAMPLE;
  const latents = float32(1, side, side, LATENT_CHANNELS);
  traceShapes(
    defineFunction({ ids: int32(1, MAX_TOKENS) }, ({ ids }) => ({ y: tinyTextEncoder(text_encoder, ids) })),
  );
  traceShapes(
    defineFunction({ latents, t: float32(1), states: float32(1, MAX_TOKENS, TEXT_WIDTH) }, (inputs) => ({
      y: tinyNoisePredictor(unet, inputs.latents, inputs.t, inputs.states),
    })),
  );
  traceShapes(
    defineFunction({ pixels: float32(1, RESOLUTION, RESOLUTION, 3) }, ({ pixels }) =>
      tinyEncoder(vae, pixels),
    ),
  );
  traceShapes(defineFunction({ latents }, (inputs) => ({ y: tinyDecoder(vae, inputs.latents) })));
  return { text_encoder, unet, vae };
}

/** √β linear from 0.00085 to 0.012 over 1000 timesteps, as Stable Diffusion's. */
function linearSchedule(predictionType: PredictionType): NoiseSchedule {
  const numTrainTimesteps = 1000;
  const alphasCumprod = new Float32Array(numTrainTimesteps);
  let product = 1;
  for (let t = 0; t < numTrainTimesteps; t++) {
    const root = Math.sqrt(0.00085) + (t / (numTrainTimesteps - 1)) * (Math.sqrt(0.012) - Math.sqrt(0.00085));
    product *= 1 - root * root;
    alphasCumprod[t] = product;
  }
  return { numTrainTimesteps, predictionType, alphasCumprod };
}
