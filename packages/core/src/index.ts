// Public face of core. A test pins this list: what stands here is what plugins and commands may rely on.
export type * from './contracts.ts';
export type * from './events.ts';

export { cacheKey, openCache } from './cache/cache.ts';
export type { Cache, CachedThing, CacheEntry, CacheParts, PruneOptions } from './cache/cache.ts';
export { stableJson } from './cache/stableJson.ts';
export { beginFolder, readWholeFolder } from './cache/wholeFolder.ts';
export { beginDraft, removeUnfinished } from './cache/unfinished.ts';
export type { Draft } from './cache/unfinished.ts';
export type { Manifest, UnfinishedFolder } from './cache/wholeFolder.ts';

export { loadConfigFile, refuseCode } from './config/configFile.ts';
export { configHash } from './config/configHash.ts';
export { flagLayer, flagsFromSchema, optionsFromSchema } from './config/flags.ts';
export type { FlagType, FlagValues, OptionDescription } from './config/flags.ts';
export { mergeLayers, problemsOf, problemsOfMerged } from './config/layers.ts';
export type { ConfigLayer } from './config/layers.ts';
export { physicalCores } from './config/physicalCores.ts';
export { didYouMean, nearestName } from './config/nearestName.ts';
export { portableConfig, recordedLayer } from './config/portableConfig.ts';
export { defaultSamplePrompts, subjectPrompts } from './config/prompts.ts';
export { modelFacts, resolveConfig } from './config/resolveConfig.ts';
export type {
  ExampleSubject,
  ModelFacts,
  Resolved,
  ResolvedConfig,
  ResolveOptions,
} from './config/resolveConfig.ts';
export { configSchema, defineConfig, OPTIMIZERS } from './config/schema.ts';
export type { Config, ConfigInput } from './config/schema.ts';

export { loadDataset } from './data/dataset.ts';
export type { Dataset, DatasetItem, DatasetOptions, ItemPixels, PixelVariant } from './data/dataset.ts';
export { findPictures } from './data/pictureFiles.ts';
export { dataOrder } from './data/dataOrder.ts';
export { decodeImage } from './data/decodeImage.ts';
export { listed, printable } from './data/printable.ts';
export { decodeText, readTextFile } from './data/readText.ts';
export type { DecodeOptions } from './data/decodeImage.ts';
export { checkImages } from './data/imageParity.ts';
export { openRecordFile, writeRecordFile } from './data/recordFile.ts';
export type { RecordFile } from './data/recordFile.ts';
export type { RgbImage } from './data/rgbImage.ts';
export { resizeImage } from './data/resize.ts';
export type { Resample } from './data/resize.ts';
export { centerCropOffset, cropImage, resizedSize, squareImage } from './data/transform.ts';
export type { Size } from './data/transform.ts';

export { exportModel, exportTensors, SAFETENSORS_DTYPE, trainedValues } from './export/trainedWeights.ts';
export type { TrainedTensor } from './export/trainedWeights.ts';

export { createRunContainer } from './di/runContainer.ts';
export type { RunContainer, RunContainerOptions, TrainableFactory } from './di/runContainer.ts';
export {
  CONFIG,
  DENOISING_LOSS,
  LOSS_TERM,
  LOSS_TERMS,
  LR_SCHEDULE,
  MODEL,
  OPTIMIZER,
  PRIOR,
  SETUP_CONTEXT,
  TRAINABLE_FACTORY,
} from './di/runContainer.ts';
export { all, optional, token } from './di/tokens.ts';
export type { All, Dependency, Injected, Optional, Provide, Token } from './di/tokens.ts';

export { imageToPixels, pixelsToImage } from './pictures/float.ts';
export { encodePng, formatParameters, readPngText, writePng } from './pictures/png.ts';
export type { GenerationParameters, PngText } from './pictures/png.ts';
export { renderSheet, writeSheet } from './pictures/sheet.ts';
export type { SheetOptions, SheetRow } from './pictures/sheet.ts';

export { attachExports, attachInOrder } from './plugins/attachExports.ts';
export { definePlugin } from './plugins/definePlugin.ts';
export type {
  AttachExport,
  Contributions,
  OptimizerSettings,
  Plugin,
  PluginDefaults,
  PluginDefinition,
  PluginFactory,
} from './plugins/definePlugin.ts';
export { installedPlugins } from './plugins/installedPlugins.ts';
export { parseRecipe } from './plugins/recipe.ts';
export { knownPluginNames, listPlugins, loadExtension, resolvePlugins } from './plugins/resolvePlugins.ts';
export type { ResolvePluginsOptions } from './plugins/resolvePlugins.ts';
export { setUpPlugins } from './plugins/setUpPlugins.ts';
export type { PluginSetup } from './plugins/setUpPlugins.ts';

export { cutOff, cutOffWarning, tokensRead } from './prompts/cutOff.ts';
export type { CutOff } from './prompts/cutOff.ts';
export { DREAMBOOTH_PROMPTS, evaluationPrompts, PROMPT_CATEGORIES } from './prompts/evaluationPrompts.ts';
export type {
  EvaluationPrompt,
  EvaluationPromptOptions,
  PromptCategory,
  PromptSet,
  SubjectKind,
} from './prompts/evaluationPrompts.ts';
export { identifierWarnings, RARE_FROM } from './prompts/promptWarnings.ts';
export type { Words } from './prompts/promptWarnings.ts';

export { openCheckpoints, resolveResume } from './runFolder/checkpoints.ts';
export type {
  Checkpoint,
  Checkpoints,
  DamagedCheckpoint,
  Recovery,
  UnfinishedCheckpoint,
} from './runFolder/checkpoints.ts';
export { acquireFolderLock, LOCK_FILE } from './runFolder/folderLock.ts';
export { lossCurve, openEventLog, readEvents } from './runFolder/eventLog.ts';
export type { EventLog, LossPoint } from './runFolder/eventLog.ts';
export { modelCard } from './runFolder/modelCard.ts';
export type { ModelCardFacts } from './runFolder/modelCard.ts';
export { openRunFolder, readRunRecord, runName } from './runFolder/runFolder.ts';
export type { RunFacts, RunFolder, RunFolderOptions, RunRecord } from './runFolder/runFolder.ts';
export { requireOwnFolder } from './runFolder/ownFolder.ts';
export { findRunToResume } from './runFolder/resumable.ts';
export { compareRuns, listRuns, readRun } from './runFolder/runSummary.ts';
export type { ConfigDifference, RunComparison, RunState, RunSummary } from './runFolder/runSummary.ts';

export { LEARNING_RATE_SCHEDULES, learningRateSchedule } from './optimizer/lrSchedule.ts';
export type {
  LearningRateSchedule,
  LearningRateScheduleName,
  LearningRateScheduleOptions,
} from './optimizer/lrSchedule.ts';

// What a run of another kind is made of, for plugins that train something else than a subject: pretraining.
export { runJob, runStage } from './job.ts';
export { shellQuote } from './shellQuote.ts';
export { holdsWork } from './runFolder/holdsWork.ts';
export type { Job, JobConfig, JobPoint, JobSetting } from './job.ts';
export { progressReporter } from './stages/run.ts';
export { killEngines, startMachine } from './training/machine.ts';
export type { Machine, MachineOptions, PlannedFunction } from './training/machine.ts';
export { loadCheckpoint, readCheckpoint, writeCheckpoint } from './training/checkpoint.ts';
export { createParameterUpdate, gradientsOf, updateScalars } from './training/parameterUpdate.ts';
export type { ComposedLoss, ParameterUpdate, ParameterUpdateOptions } from './training/parameterUpdate.ts';
export { endEngineOnStop } from './training/endEngineOnStop.ts';
export { runTrainingLoop } from './training/trainingLoop.ts';
export type { LoopEnd, TrainingLoop } from './training/trainingLoop.ts';

export { runPipeline } from './pipeline.ts';
export type { RunOptions } from './pipeline.ts';
export { exportCheckpoint } from './exportCheckpoint.ts';
export type { ExportCheckpointOptions } from './exportCheckpoint.ts';
export { generatePictures } from './sampling/generatePictures.ts';
export type { GenerateOptions } from './sampling/generatePictures.ts';
export { openGenerator } from './sampling/openGenerator.ts';
export type { Generator, GeneratorOptions, PicturesAsked } from './sampling/openGenerator.ts';
export { samplePictures } from './sampling/samplePictures.ts';
export type {
  PictureRequest,
  SampledPicture,
  SampleOptions,
  SamplerSettings,
} from './sampling/samplePictures.ts';
export { denoisingLoss, instanceLoss } from './losses/denoisingLoss.ts';
export { composeLosses } from './losses/composeLosses.ts';
export { minSnrWeights, signalToNoise } from './losses/snrWeights.ts';

// What a train step is made of, for whoever runs it on numbers of their own: `npm run parity`, benchmarks.
export {
  decodeLatents,
  encodePicture,
  encodePrompt,
  latentShapeOf,
  predict,
  predictGuided,
} from './sampling/pictureFunctions.ts';
export type { PictureShape } from './sampling/pictureFunctions.ts';
export { shrinkMask } from './stages/encoding.ts';
export { noisedRows } from './training/batch.ts';
export type { Batch, DrawnRows, EncodedData, EncodedPrompt } from './training/batch.ts';
export { baseWeights } from './training/machine.ts';
export { addNoise, offsetNoise, perturbNoise } from './training/noising.ts';
export { batchInputs, lossAndGradients } from './training/batchLoss.ts';
export type { BatchLossOptions } from './training/batchLoss.ts';
export { createTrainFunctions, trainOptions } from './training/trainFunctions.ts';
export type { TrainFunctions, TrainFunctionsOptions } from './training/trainFunctions.ts';
export { createStepInput } from './training/stepInputs.ts';
export type { DrawnInput } from './training/stepInputs.ts';
export { checked, Trainer } from './training/trainer.ts';
export type { StepResult, TrainerOptions } from './training/trainer.ts';

export { expandPlaceholder, placeholderTokens } from './model/placeholder.ts';
export type { Placeholder } from './model/placeholder.ts';
export { torchWeight } from './model/torchWeights.ts';
export { Parameters } from './model/parameters.ts';
export type {
  Adapter,
  Conv2dOptions,
  LayerCall,
  Parameter,
  ParametersOptions,
  WeightLayout,
} from './model/parameters.ts';

export {
  bfloat16ToFloat32,
  cacheDir,
  createRng,
  createVariable,
  defaultThreads,
  defineFunction,
  float16ToFloat32,
  float32,
  float32ToBfloat16,
  float32ToFloat16,
  flushFolder,
  flushTree,
  gatherRows,
  int32,
  lockHolder,
  makeFolder,
  readNumbers,
  readSafetensorsHeader,
  readTensor,
  readTensorRaw,
  renameDurably,
  stopGradient,
  tf,
  traceShapes,
  tryLock,
  unfinishedName,
  waitForLock,
  writeFileWhole,
  writeSafetensors,
} from '@likeness/engine';
export type {
  FunctionDefinition,
  Mode,
  Program,
  RandomStream,
  Rng,
  TensorEntry,
  TensorSource,
  TensorSpec,
  TypedData,
} from '@likeness/engine';
export type { LockHolder, LockWait, ProcessLock } from '@likeness/engine';
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@likeness/engine';
export * from './errors.ts';
