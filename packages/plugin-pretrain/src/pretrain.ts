// Pretraining of one network on one screen:
//
//   captioned pictures ─► dataset ─► encoding ─► training ─► export
//                        decoded     latents,    losses ─► gradients    the model with this network's new weights
//                        once        text states  ─► optimizer
//
// It is a run like any other (`runJob` of core): folder, events, checkpoints, resume. What is particular to a network -
// its loss, its batches, its measures - is an `Objective`.
import { join } from 'node:path';
import {
  ConfigError,
  cacheDir as userCacheDir,
  openCache,
  endEngineOnStop,
  runJob,
  runStage,
  type DiffusionModel,
  type JobSetting,
  type ModelDefinition,
  type ModelSource,
  type Run,
} from '@likeness/core';
import { trainingOf, type PretrainConfig } from './config.ts';
import type { UNetConfig } from './schema.ts';
import { findCaptionedPictures, type CaptionedPicture } from './data/captionedPictures.ts';
import { settingsHash, settingsWithEffect } from './identity.ts';
import type { Objective } from './objective.ts';
import { objectiveOf } from './objectives/objectiveOf.ts';
import { isEncoder, type ModelTraining, type PretrainSetting, type Training } from './stages/context.ts';
import { datasetStage } from './stages/dataset.ts';
import { encodingStage } from './stages/encoding.ts';
import { exportStage } from './stages/export.ts';
import { prepare } from './stages/prepare.ts';
import { trainingStage } from './stages/training.ts';

/** Which network of which model trains: `startModel` makes one from the config, `startEncoder` an encoder. */
export type PretrainOptions = Training & RunOptions;

interface RunOptions {
  readonly config: PretrainConfig;
  /** Where run folders are made when the config names none. */
  readonly runsRoot?: string;
  readonly signal?: AbortSignal;
  /** What is typed to go on. */
  readonly resumeCommand?: (folder: string) => string;
}

/** Trains one network. Cold: subscribing starts it, unsubscribing stops it with a checkpoint. */
export function pretrain(options: PretrainOptions): Run {
  const { network, config, model, runsRoot, signal, resumeCommand } = options;
  const { resolution = model.resolution } = config;
  checkSettings(options, config, resolution);
  const training = isEncoder(options)
    ? { network: options.network, model: options.model }
    : { network: options.network, model: options.model };
  const { maxTrainSteps = 0 } = trainingOf(config, network);
  const identity = { config: settingsWithEffect(config, network), model: model.fingerprint, resolution };
  return runJob({
    // `maxTrainSteps` where minutes alone end the run: not known before a step is timed.
    config: {
      ...config,
      recipe: `pretrain-${network}`,
      maxTrainSteps,
      prompts: { instancePrompt: config.samplePrompts?.[0] ?? 'captions' },
    },
    hash: settingsHash(config, network),
    identity,
    model,
    runsRoot,
    signal,
    ...(resumeCommand === undefined ? {} : { resumeCommand }),
    check: () => findCaptionedPictures(config.data),
    run: (job, pictures) => runStages({ ...job, ...training, config, resolution, identity }, pictures, job),
  });
}

async function runStages(
  setting: PretrainSetting,
  found: readonly CaptionedPicture[],
  { reached }: JobSetting,
): Promise<{ sheet?: string | undefined } | undefined> {
  const pictures = await runStage(datasetStage, found, setting);
  let objective: Objective | undefined;
  try {
    objective = objectiveOf(setting, pictures);
    const state = await prepare(setting, pictures, objective);
    try {
      if (objective.encode) {
        const encode = (): Promise<unknown> => runStage(encodingStage, undefined, state);
        await endEngineOnStop(state.machine.engine, setting.signal, encode);
      }
      const trained = await runStage(trainingStage, undefined, state);
      reached(trained);
      if (!trained.finished) return undefined;
      await runStage(exportStage, trained, state);
      return { sheet: trained.sheet };
    } finally {
      await state.machine.close();
      state.update.dispose();
    }
  } finally {
    objective?.close();
    await pictures.close();
  }
}

/** @throws ConfigError for settings that do not fit the model */
function checkSettings(training: Training, config: PretrainConfig, resolution: number): void {
  const details = isEncoder(training)
    ? resolution === training.model.resolution
      ? []
      : [`resolution: ${resolution}, the encoder takes ${training.model.resolution} pixels`]
    : misfits(training, config, resolution);
  if (details.length === 0) return;
  throw new ConfigError('the settings do not fit the model', {
    code: 'pretrain/settings-do-not-fit',
    where: training.model.source,
    details,
  });
}

function misfits({ network, model }: ModelTraining, config: PretrainConfig, resolution: number): string[] {
  const { downsampleFactor } = model.latentCodec;
  const { predictionType, alphasCumprod } = model.noiseSchedule;
  const { cropSizePx = resolution } = config.vae;
  const sides = network === 'vae' ? { resolution, 'vae.cropSizePx': cropSizePx } : { resolution };
  const details = Object.entries(sides)
    .filter(([, side]) => side % downsampleFactor !== 0)
    .map(
      ([name, side]) => `${name}: ${side} is no multiple of ${downsampleFactor}, the pixels of one latent`,
    );
  if (network === 'vae' && cropSizePx > resolution)
    details.push(`vae.cropSizePx: ${cropSizePx} is more than the pictures' ${resolution} pixels`);
  if (network === 'unet' && predictionType === 'epsilon' && alphasCumprod.at(-1) === 0)
    details.push(
      'scheduler: where the last timestep is pure noise (rescale_betas_zero_snr), noise cannot be predicted from it: v_prediction can',
    );
  if (network === 'unet') details.push(...unetMisfits(config.unet, alphasCumprod.length));
  return details;
}

function unetMisfits(
  {
    trainTextEncoder,
    textEncoderLearningRate,
    timestepBiasMultiplier,
    timestepBiasBegin,
    timestepBiasEnd,
  }: UNetConfig,
  numTrainTimesteps: number,
): string[] {
  const details: string[] = [];
  const end = timestepBiasEnd ?? numTrainTimesteps;
  if (timestepBiasBegin >= end || end > numTrainTimesteps)
    details.push(
      `unet.timestepBiasBegin: no timesteps from ${timestepBiasBegin} to ${end}: the model has those from 0 to ${numTrainTimesteps}`,
    );
  if (timestepBiasMultiplier === 1 && (timestepBiasBegin > 0 || timestepBiasEnd !== undefined))
    details.push(
      'unet.timestepBiasMultiplier: 1, so the timesteps named come no more often than others: another number beside them',
    );
  if (textEncoderLearningRate !== undefined && !trainTextEncoder)
    details.push(
      `unet.textEncoderLearningRate: ${textEncoderLearningRate} for a text encoder that does not train: trainTextEncoder beside it`,
    );
  return details;
}

/**
 * The model a config begins with, made where it is not there as it is: random weights for what has none. Kept in the
 * cache by its content, so that every run of a config begins with the same bytes.
 */
export async function startModel(config: PretrainConfig, models: ModelSource): Promise<DiffusionModel> {
  if (config.model === undefined) {
    throw new ConfigError('nothing says which model is trained', {
      code: 'pretrain/no-model',
      where: 'model',
      expected: 'a folder, a file, a Hub id, or config files and what is random',
      got: 'nothing',
    });
  }
  const definition: ModelDefinition = {
    ...(typeof config.model === 'string' ? { from: config.model } : withoutUndefined(config.model)),
    seed: config.seed,
  };
  const parts = await models.identify(definition);
  if (parts === undefined) return models.open(definition.from ?? '');
  const cache = openCache(config.cacheDir ?? userCacheDir());
  const folder = await cache.getOrCreate('start-models', parts, (target) =>
    models.create(definition, target),
  );
  return { ...(await models.open(join(folder))), source: definition.from ?? 'random weights' };
}

const withoutUndefined = (fields: Readonly<Record<string, unknown>>): Omit<ModelDefinition, 'seed'> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
