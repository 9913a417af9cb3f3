// What a training begins with, of either kind: a text-to-image model or an encoder.
import type { EncoderSource, ModelSource } from '@likeness/core';
import { ENCODERS, trainingOf, type EncoderName, type NetworkName, type PretrainConfig } from './config.ts';
import { startModel } from './pretrain.ts';
import type { Training } from './stages/context.ts';
import { startEncoder } from './startEncoder.ts';

export interface TrainingSources {
  readonly models: ModelSource;
  readonly encoders: EncoderSource;
}

/** @throws ConfigError when nothing ends the training, or what begins it is missing */
export async function openTraining(
  network: NetworkName,
  config: PretrainConfig,
  { models, encoders }: TrainingSources,
): Promise<Training> {
  trainingOf(config, network);
  return isEncoderName(network)
    ? { network, model: await startEncoder(network, config, encoders) }
    : { network, model: await startModel(config, models) };
}

const isEncoderName = (network: NetworkName): network is EncoderName =>
  (ENCODERS as readonly string[]).includes(network);
