// The encoder a training begins with, made where there is none: random weights for the config, kept in the cache by
// their content as the model of `startModel` is.
import {
  cacheDir as userCacheDir,
  ConfigError,
  openCache,
  type EncoderDefinition,
  type EncoderSource,
  type ImageEncoder,
} from '@likeness/core';
import { SETTINGS_OF, type EncoderName, type PretrainConfig } from './config.ts';
import { findCaptionedPictures } from './data/captionedPictures.ts';
import { targetsOf } from './objectives/targets.ts';

/**
 * @throws ConfigError for an encoder that cannot be trained like this
 * @throws DataError when the data lack a column a classifier is to tell
 */
export async function startEncoder(
  network: EncoderName,
  config: PretrainConfig,
  encoders: EncoderSource,
): Promise<ImageEncoder> {
  const { from } = config[SETTINGS_OF[network]];
  const encoder =
    from === undefined ? await madeEncoder(network, config, encoders) : await encoders.open(from);
  const lacks =
    network === 'image-text' && encoder.text === undefined
      ? 'a text tower'
      : network === 'classifier' && encoder.labels === undefined
        ? 'labels'
        : undefined;
  if (lacks !== undefined) {
    throw new ConfigError(`the encoder to go on from lacks ${lacks}`, {
      code: 'pretrain/encoder-lacks',
      where: `${SETTINGS_OF[network]}.from`,
      got: from ?? 'the configuration',
      hint: 'another folder, or none: then one is made from the configuration',
    });
  }
  return encoder;
}

async function madeEncoder(
  network: EncoderName,
  config: PretrainConfig,
  encoders: EncoderSource,
): Promise<ImageEncoder> {
  const definition = await definitionOf(network, config);
  const cache = openCache(config.cacheDir ?? userCacheDir());
  const parts = await encoders.identify(definition);
  const folder = await cache.getOrCreate('start-encoders', parts, (target) =>
    encoders.create(definition, target),
  );
  return { ...(await encoders.open(folder)), source: 'random weights' };
}

async function definitionOf(
  network: EncoderName,
  { seed, data, imageEncoder, imageText, classifier }: PretrainConfig,
): Promise<EncoderDefinition> {
  switch (network) {
    case 'image-encoder':
      return { config: imageEncoder.config, seed };
    case 'image-text': {
      const { config, tokenizer, vocabularySize } = imageText;
      return { config, seed, vocabularySize, ...(tokenizer === undefined ? {} : { tokenizer }) };
    }
    case 'classifier': {
      const { targets } = targetsOf(await findCaptionedPictures(data), classifier.columns);
      const labels = Object.fromEntries(targets.map(({ name, values }) => [name, values]));
      return { config: classifier.config, seed, labels };
    }
  }
}
