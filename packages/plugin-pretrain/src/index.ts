// Pretraining: a small text-to-image model from captioned pictures. The command is `pipeline pretrain`.
export { benchmarkSteps } from './benchmark.ts';
export type { BenchmarkOptions, BenchmarkSteps } from './benchmark.ts';
export {
  ENCODERS,
  loadPretrainConfig,
  NETWORKS,
  resolvePretrainConfig,
  SETTINGS_OF,
  trainingOf,
} from './config.ts';
export type { EncoderName, ModelNetwork, NetworkName, PretrainConfig } from './config.ts';
export { classifierSchema, imageEncoderSchema, imageTextSchema } from './encoderSchema.ts';
export { exportPretrained } from './exportCheckpoint.ts';
export type { ExportPretrainedOptions } from './exportCheckpoint.ts';
export { openTraining } from './openTraining.ts';
export { pretrain, startModel } from './pretrain.ts';
export type { PretrainOptions } from './pretrain.ts';
export { definePretrainConfig, pretrainSchema, textEncoderSchema, unetSchema, vaeSchema } from './schema.ts';
export type { PretrainConfigInput } from './schema.ts';
export { measureFidelity } from './validation/fidelity.ts';
export type { FidelityOptions, FidelityRow } from './validation/fidelity.ts';
export { validateEncoder } from './validation/validateEncoder.ts';
export type { Validation, ValidationOptions } from './validation/validateEncoder.ts';
export { validateModel } from './validation/validateModel.ts';
export type { ModelValidationOptions } from './validation/validateModel.ts';
