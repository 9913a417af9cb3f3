// What the stages of one pretraining run share.
import type {
  Cache,
  DiffusionModel,
  ImageEncoder,
  JobSetting,
  Machine,
  ParameterUpdate,
  RunContext,
} from '@likeness/core';
import type { EncoderName, ModelNetwork, PretrainConfig } from '../config.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';

/** Which network trains, and in what. */
export type Training = ModelTraining | EncoderTraining;

/** One network of a text-to-image model. */
export interface ModelTraining {
  readonly network: ModelNetwork;
  readonly model: DiffusionModel;
}

/** A network of its own. */
export interface EncoderTraining {
  readonly network: EncoderName;
  readonly model: ImageEncoder;
}

export const isEncoder = (training: Training): training is EncoderTraining => 'components' in training.model;

interface Computing extends RunContext {
  readonly config: PretrainConfig;
  /** Side of the pictures, pixels. */
  readonly resolution: number;
  readonly cache: Cache;
}

/** What computing needs, with a run around it or without. */
export type ComputeSetting = Computing & Training;
export type ModelSetting = Computing & ModelTraining;
export type EncoderSetting = Computing & EncoderTraining;

interface Running extends JobSetting {
  /** Of settings and model: what a checkpoint must have been made under, as far as it is known before the data. */
  readonly identity: Readonly<Record<string, unknown>>;
}

export type PretrainSetting = ComputeSetting & Running;

/** A setting with the machine running: weights loaded, functions compiled. */
export type Prepared<Setting extends ComputeSetting> = Setting & {
  readonly pictures: PictureStore;
  readonly objective: Objective;
  readonly machine: Machine;
  readonly update: ParameterUpdate;
};

export type PretrainState = Prepared<PretrainSetting>;
