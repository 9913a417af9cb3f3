// What the stages of one pretraining run share.
import type { Cache, DiffusionModel, JobSetting, Machine, ParameterUpdate, RunContext } from '@likeness/core';
import type { NetworkName, PretrainConfig } from '../config.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';

/** What computing needs, with a run around it or without. */
export interface ComputeSetting extends RunContext {
  readonly config: PretrainConfig;
  readonly network: NetworkName;
  readonly model: DiffusionModel;
  /** Side of the pictures, pixels. */
  readonly resolution: number;
  readonly cache: Cache;
}

export interface PretrainSetting extends ComputeSetting, JobSetting {
  /** Of settings and model: what a checkpoint must have been made under, as far as it is known before the data. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** A setting with the machine running: weights loaded, functions compiled. */
export type Prepared<Setting extends ComputeSetting> = Setting & {
  readonly pictures: PictureStore;
  readonly objective: Objective;
  readonly machine: Machine;
  readonly update: ParameterUpdate;
};

export type PretrainState = Prepared<PretrainSetting>;
