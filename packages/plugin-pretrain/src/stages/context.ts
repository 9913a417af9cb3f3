// What the stages of one pretraining run share.
import type { DiffusionModel, JobSetting, Machine, ParameterUpdate } from '@likeness/core';
import type { NetworkName, PretrainConfig } from '../config.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';

export interface PretrainSetting extends JobSetting {
  readonly config: PretrainConfig;
  readonly network: NetworkName;
  readonly model: DiffusionModel;
  /** Side of the pictures, pixels. */
  readonly resolution: number;
  /** Of settings and model: what a checkpoint must have been made under, as far as it is known before the data. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** With the machine running: weights loaded, functions compiled. */
export interface PretrainState extends PretrainSetting {
  readonly pictures: PictureStore;
  readonly objective: Objective;
  readonly machine: Machine;
  readonly update: ParameterUpdate;
}
