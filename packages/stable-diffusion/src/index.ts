// Public face of the Stable Diffusion package. A test pins this list.
export { createModel, identifyModel } from './createModel.ts';
export { loadModel } from './model.ts';
export type { LoadModelOptions } from './model.ts';
export { readRecommendedSettings, SETTINGS_FILE } from './modelSettings.ts';

export { createNetworks, expectedShapes, weightsToLoad } from './networks.ts';
export type { Network, NetworkConfigs, NetworkOptions, Networks } from './networks.ts';
export { createUNet } from './unet.ts';
export type { UNet } from './unet.ts';
export { parseUNetConfig } from './unetConfig.ts';
export type { AttentionSettings, UNetBlock, UNetConfig } from './unetConfig.ts';
export { createAutoencoder } from './vae.ts';
export type { Autoencoder } from './vae.ts';
export { parseVaeConfig } from './vaeConfig.ts';
export type { VaeConfig } from './vaeConfig.ts';
export { clipEncoderLayer, createClipTextEncoder } from './clip.ts';
export type { ClipLayerConfig, ClipTextEncoder, TextStates } from './clip.ts';
export { parseClipTextConfig } from './clipConfig.ts';
export type { ClipTextConfig } from './clipConfig.ts';
export { activations, layerNorm, multiHeadAttention } from './layers.ts';
export type { ActivationName, Probe, Scope } from './layers.ts';
export { count, only, parseConfig } from './config.ts';

export { createTokenizer, loadTokenizer, readTokenizerFiles } from './tokenizer/index.ts';
export type { ClipTokenizer, TokenizerDefinition } from './tokenizer/index.ts';

export { createNoiseSchedule, parseSchedulerConfig } from './schedule/index.ts';
export type { NoiseSchedule, PredictionType, SchedulerConfig, TimestepSpacing } from './schedule/index.ts';
export {
  sampleDdim,
  sampleDdpm,
  sampleDpmpp2m,
  sampleDpmpp2mKarras,
  sampleEuler,
  sampleEulerAncestral,
  samplePndm,
  SAMPLER_NAMES,
  SAMPLERS,
  samplerForConfig,
  sampleUnipc,
} from './samplers/index.ts';
export type { Denoise, SampleOptions, Sampler, SamplerName } from './samplers/index.ts';

export {
  componentFingerprint,
  matchKeys,
  modelFingerprint,
  openModel,
  planDiffusersFolder,
  writeLdmFile,
  writePlannedFiles,
} from './weights/index.ts';
export type {
  ComponentFiles,
  ComponentName,
  DiffusersFolderPlan,
  HubProgress,
  ModelFiles,
  OpenModelOptions,
  WeightsDtype,
} from './weights/index.ts';
