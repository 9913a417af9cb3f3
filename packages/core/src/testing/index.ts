// `@likeness/core/testing`: for those who write plugins. Nothing here needs a test runner of its own.
export { testPlugin, type TestPluginOptions } from './testPlugin.ts';
export { cuttableDisk, type Disk, type NamesOf } from './powerCut.ts';
export type { Reloaded } from './observeTraining.ts';
export { createTinyModel, openTinyModel, type TinyModelOptions } from './tinyModel.ts';
export { writeTinyPictures, type TinyPicturesOptions } from './tinyPictures.ts';
export { createTrial, temporaryFolder, type Trial, type TrialOptions } from './trial.ts';
