// The network a config describes, with its parameters declared and its keys as transformers writes them.
import {
  defineFunction,
  float32,
  int32,
  Parameters,
  tf,
  traceShapes,
  WeightsError,
  type FunctionDefinition,
  type ImageEncoder,
  type LabelScores,
  type Tensor,
} from '@likeness/core';
import { createClipModel } from './clipModel.ts';
import { parseClipModelConfig } from './clipModelConfig.ts';
import { ENCODER_HINT } from './bookkeeping.ts';
import { labelColumns } from './labels.ts';
import { classToken, createVit } from './vit.ts';
import { parseVitConfig } from './vitConfig.ts';

/** An encoder's network, before it has weights. */
export interface EncoderNetwork extends Pick<ImageEncoder, 'resolution' | 'featureSize' | 'encode'> {
  readonly parameters: Parameters;
  /** What the keys of its file begin with, where there is something else beside the network: `vit.` of classifiers. */
  readonly prefix: string;
  /** Keys of published files that nothing here computes. */
  readonly leftOut: RegExp;
  readonly text?: {
    readonly maxLength: number;
    readonly vocabSize: number;
    encode(ids: Tensor): Tensor;
    logitScale(): Tensor;
  };
  readonly labels?: LabelScores;
}

/**
 * @param name component the variables belong to: their names begin with it
 * @param where the config file, for messages
 * @throws WeightsError naming every config field that is refused
 */
export function createEncoderNetwork(json: unknown, name: string, where: string): EncoderNetwork {
  const modelType = (json as { model_type?: unknown } | null)?.model_type;
  switch (modelType) {
    case 'vit':
    case 'dinov2':
    case 'dinov2_with_registers':
      return vitNetwork(json, name, where);
    case 'clip':
      return clipNetwork(json, name, where);
    default:
      throw new WeightsError('is no encoder that is known', {
        code: 'evaluation/unknown-encoder',
        where,
        expected: 'model_type vit, dinov2, dinov2_with_registers or clip',
        got: String(modelType),
        hint: ENCODER_HINT,
      });
  }
}

function vitNetwork(json: unknown, name: string, where: string): EncoderNetwork {
  const config = parseVitConfig(json, where);
  const columns = labelColumns(json, where);
  const parameters = new Parameters({ component: name });
  const vit = createVit(config);
  // A classifier's file has the network below a prefix; paths inside stay what they are.
  const encode = (pixels: Tensor): Tensor => classToken(vit(parameters, pixels));
  const { imageSize, hiddenSize } = config;
  const count = Object.values(columns ?? {}).flat().length;
  const labels: LabelScores | undefined = columns && {
    columns,
    classify: (pixels) => parameters.linear('classifier', encode(pixels), count),
  };
  declare(
    defineFunction({ pixels: float32(1, imageSize, imageSize, 3) }, ({ pixels }) => ({
      out: labels ? labels.classify(pixels) : encode(pixels),
    })),
  );
  return {
    parameters,
    prefix: columns ? `${config.modelType}.` : '',
    leftOut: columns ? /^\w+\.pooler\.|mask_token$/ : /^pooler\.|mask_token$/,
    resolution: imageSize,
    featureSize: hiddenSize,
    encode,
    ...(labels ? { labels } : {}),
  };
}

function clipNetwork(json: unknown, name: string, where: string): EncoderNetwork {
  const config = parseClipModelConfig(json, where);
  const parameters = new Parameters({ component: name });
  const clip = createClipModel(config);
  const { imageSize } = config.vision;
  const { maxPositions, vocabSize } = config.text;
  const inputs = { pixels: float32(1, imageSize, imageSize, 3), ids: int32(1, maxPositions) };
  declare(
    defineFunction(inputs, ({ pixels, ids }) => ({
      images: clip.imageFeatures(parameters, pixels),
      texts: clip.textFeatures(parameters, ids),
      scale: tf.add(clip.logitScale(parameters), 0),
    })),
  );
  return {
    parameters,
    prefix: '',
    leftOut: /position_ids$/,
    resolution: imageSize,
    featureSize: config.projectionSize,
    encode: (pixels) => clip.imageFeatures(parameters, pixels),
    text: {
      maxLength: maxPositions,
      vocabSize,
      encode: (ids) => clip.textFeatures(parameters, ids),
      logitScale: () => clip.logitScale(parameters),
    },
  };
}

/** Parameters come to be by being asked for. */
const declare = (definition: FunctionDefinition): void => {
  traceShapes(definition);
};
