// Opens a model for a run: files → configs → networks with declared parameters, tokenizer, schedule and samplers, put
// together as core's `DiffusionModel`. No weight is read here: programs load them by range from the tensors listed.
import type {
  DiffusionModel,
  LatentCodec,
  ModelExportOptions,
  NoisePredictor,
  SampleRequest,
  TextEncoder,
} from '@likeness/core';
import { ConfigError, tf, WeightsError, type Warning } from '@likeness/engine';
import { exportDiffusersFolder, exportLdmFile, type ModelToExport } from './modelExport.ts';
import { parseRecommendedSettings, readRecommendedSettings } from './modelSettings.ts';
import { createNetworks, crossAttentionDim, expectedShapes, type Networks } from './networks.ts';
import { SAMPLER_NAMES, SAMPLERS, samplerForConfig, type SamplerName } from './samplers/index.ts';
import { createNoiseSchedule, type NoiseSchedule } from './schedule/index.ts';
import { loadTokenizer, type ClipTokenizer } from './tokenizer/index.ts';
import {
  componentFingerprint,
  matchKeys,
  openModel,
  readContent,
  type ComponentName,
  type ModelFiles,
  type OpenModelOptions,
} from './weights/index.ts';

export interface LoadModelOptions extends OpenModelOptions {
  /** Layers of the text encoder to leave out at the end ("clip skip"); 0 for none. */
  readonly clipSkip?: number;
  /** Components kept in bfloat16: half the memory, for weights that do not train. */
  readonly bfloat16?: readonly ComponentName[];
}

/**
 * Opens a Stable Diffusion 1.x or 2.x model.
 * @param source a diffusers folder, a single .safetensors file, or a Hub id
 * @throws WeightsError when files are missing or damaged, a config asks for what is not here, or keys do not match: all
 *   mismatches at once
 * @throws ConfigError when the noise schedule is one that is not known
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<DiffusionModel> {
  const files = await openModel(source, options);
  const { unet, vae, textEncoder } = files.components;
  const configs = { unet: unet.config, vae: vae.config, text_encoder: textEncoder.config };
  const networks = createNetworks(configs, source, options);
  checkKeys(files, networks);
  const tokenizer = await loadTokenizer(
    files.tokenizer.files,
    files.tokenizer.settings,
    files.tokenizer.where,
  );
  checkFit(source, networks, tokenizer);
  const noiseSchedule = createNoiseSchedule(asRecord(files.scheduler), `${source}: scheduler_config.json`);
  const recommended =
    files.recommended === undefined
      ? await readRecommendedSettings(files.folder)
      : parseRecommendedSettings(files.recommended, source);
  const { fingerprint, notFinite } = await readContent(files);

  return {
    source,
    fingerprint,
    componentFingerprint: async (name) => {
      const [component] = componentNames([name]);
      return componentFingerprint(Object.values(files.components).filter((one) => one.name === component));
    },
    resolution: resolutionOf(networks),
    textEncoder: textEncoderOf(files, networks, tokenizer, options.clipSkip ?? 0),
    noisePredictor: noisePredictorOf(files, networks),
    latentCodec: latentCodecOf(files, networks),
    tokenizer,
    noiseSchedule,
    samplers: samplersOf(noiseSchedule),
    recommended,
    warnings: [...files.warnings, ...(notFinite.length > 0 ? [notFiniteWeights(source, notFinite)] : [])],
    sample: (request) => sample(noiseSchedule, request),
    export: (path, weights, changed, exportOptions) =>
      exportModel(
        { files, networks, recommended, weights, changed: componentNames(changed) },
        path,
        exportOptions,
      ),
  };
}

/** Such a model draws black pictures, and training it diverges in its first step, whatever the learning rate. */
const notFiniteWeights = (source: string, tensors: readonly string[]): Warning => ({
  code: 'model/not-finite-weights',
  text: `${source}: weights hold NaN or infinity (${tensors.join(', ')}): the model is damaged, its pictures will be black and its losses NaN. Download or export it again.`,
});

function textEncoderOf(
  { components }: ModelFiles,
  { textEncoder: { name, parameters, config, forward } }: Networks,
  tokenizer: ClipTokenizer,
  clipSkip: number,
): TextEncoder {
  return {
    name,
    parameters,
    tensors: components.textEncoder.tensors,
    maxLength: tokenizer.modelMaxLength,
    hiddenSize: config.hiddenSize,
    encode: (ids) => forward(parameters, ids).skipping(clipSkip),
  };
}

function noisePredictorOf({ components }: ModelFiles, { unet }: Networks): NoisePredictor {
  const { name, parameters, config, forward } = unet;
  return {
    name,
    parameters,
    tensors: components.unet.tensors,
    latentChannels: config.inChannels,
    predict: (latents, timesteps, encoderHiddenStates) =>
      forward(parameters, latents, timesteps, encoderHiddenStates),
  };
}

/** With a shift factor, training latents are `(z - shift) * scale`: the shift is taken off and put back here. */
function latentCodecOf({ components }: ModelFiles, { vae }: Networks): LatentCodec {
  const { name, parameters, config, forward } = vae;
  const { shiftFactor, scalingFactor } = config;
  return {
    name,
    parameters,
    tensors: components.vae.tensors,
    scalingFactor,
    downsampleFactor: downsampleFactor(vae),
    encode: (pixels) => {
      const { mean, logvar } = forward.encode(parameters, pixels);
      return { mean: shiftFactor === 0 ? mean : tf.sub(mean, shiftFactor), logvar };
    },
    decode: (latents) =>
      forward.decode(parameters, shiftFactor === 0 ? latents : tf.add(latents, shiftFactor)),
  };
}

const downsampleFactor = ({ config }: Networks['vae']): number => 2 ** (config.channels.length - 1);

/** What the UNet was trained on, else the autoencoder, else Stable Diffusion. */
function resolutionOf({ unet, vae }: Networks): number {
  const fromUNet = unet.config.sampleSize && unet.config.sampleSize * downsampleFactor(vae);
  return fromUNet ?? vae.config.sampleSize ?? 512;
}

function checkKeys({ components }: ModelFiles, { unet, vae, textEncoder }: Networks): void {
  const pairs = [
    [unet, components.unet],
    [vae, components.vae],
    [textEncoder, components.textEncoder],
  ] as const;
  const problems: WeightsError[] = [];
  for (const [{ name, parameters }, { tensors }] of pairs) {
    try {
      matchKeys(expectedShapes(parameters), tensors, { component: name });
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      problems.push(error);
    }
  }
  const [first, ...more] = problems;
  if (first === undefined) return;
  if (more.length === 0) throw first;
  throw new WeightsError('several components do not fit their configs', {
    code: 'model/weights-do-not-fit',
    details: problems.map(({ message }) => message),
  });
}

/** The parts of a model must fit each other. */
function checkFit(source: string, { unet, vae, textEncoder }: Networks, tokenizer: ClipTokenizer): void {
  const { inChannels, outChannels } = unet.config;
  const { latentChannels } = vae.config;
  const { hiddenSize, maxPositions, vocabSize } = textEncoder.config;
  const textWidth = crossAttentionDim(unet.config) ?? hiddenSize;
  const details = [
    inChannels !== latentChannels &&
      `the UNet takes ${inChannels} channels, the autoencoder makes ${latentChannels} (inpainting and depth models are not supported)`,
    outChannels !== latentChannels &&
      `the UNet returns ${outChannels} channels, latents have ${latentChannels}`,
    textWidth !== hiddenSize &&
      `the UNet takes text states of width ${textWidth}, the text encoder makes ${hiddenSize}`,
    tokenizer.modelMaxLength > maxPositions &&
      `the tokenizer makes ${tokenizer.modelMaxLength} tokens, the text encoder knows ${maxPositions} positions`,
    tokenizer.vocabSize > vocabSize &&
      `the tokenizer knows ${tokenizer.vocabSize} tokens, the text encoder ${vocabSize}`,
  ].filter((detail) => detail !== false);
  if (details.length > 0) {
    throw new WeightsError('the parts of this model do not fit each other', {
      code: 'model/parts-do-not-fit',
      where: source,
      details,
      hint: 'use a complete Stable Diffusion 1.x or 2.x text-to-image model',
    });
  }
}

/** All samplers, the one the model's config names first. */
function samplersOf({ config }: NoiseSchedule): SamplerName[] {
  const own = ownSampler(config);
  return own === undefined ? [...SAMPLER_NAMES] : [own, ...SAMPLER_NAMES.filter((name) => name !== own)];
}

function ownSampler(config: NoiseSchedule['config']): SamplerName | undefined {
  try {
    return samplerForConfig(config).name;
  } catch (error) {
    // A scheduler without a counterpart here: its schedule is known, and every sampler walks it.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

async function sample(schedule: NoiseSchedule, request: SampleRequest): Promise<Float32Array> {
  const { numInferenceSteps, denoise, noise, onStep, signal } = request;
  const name = SAMPLER_NAMES.find((known) => known === request.sampler);
  if (name === undefined) {
    throw new ConfigError('no such sampler', {
      code: 'sampler/unknown',
      expected: SAMPLER_NAMES.join(', '),
      got: request.sampler,
    });
  }
  const sampler = SAMPLERS[name];
  const sigma = Math.fround(sampler.initNoiseSigma(schedule, numInferenceSteps));
  const total = sampler.timesteps(schedule, numInferenceSteps).length;
  return sampler.sample(
    denoise,
    request.latents.map((value) => value * sigma),
    {
      schedule,
      numInferenceSteps,
      noise,
      ...(onStep && { onStep: (step: number) => onStep(step, total) }),
      ...(signal && { signal }),
    },
  );
}

function exportModel(
  model: ModelToExport,
  path: string,
  { format, ...options }: ModelExportOptions,
): Promise<string[]> {
  return format === 'ldm' ? exportLdmFile(model, path, options) : exportDiffusersFolder(model, path, options);
}

/** @throws ConfigError for a name that is no component */
function componentNames(names: readonly string[]): ComponentName[] {
  return names.map((name) => {
    if (name === 'unet' || name === 'vae' || name === 'text_encoder') return name;
    throw new ConfigError('no such component', {
      code: 'model/unknown-component',
      expected: 'unet, vae or text_encoder',
      got: name,
    });
  });
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
