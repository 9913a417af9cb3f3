// Which functions a run is compiled of, with how often each is called in all: the configured total, never what remains.
//
// The base model stands beside the adapted one: where adapters lie over a network, whatever must be the base model's
// (class pictures) has functions of its own, traced as if nothing were attached. Elsewhere one function serves both,
// until training moves its weights.
import type { DiffusionModel } from '../contracts.ts';
import { baseModel } from '../model/baseModel.ts';
import {
  decodeLatents,
  encodePicture,
  encodePrompt,
  PICTURE_FUNCTIONS,
  predict,
  predictGuided,
  type PictureFunctions,
  type PictureShape,
} from '../sampling/pictureFunctions.ts';
import type { PlannedFunction } from '../training/machine.ts';
import type { RunSetting } from './run.ts';

export interface FunctionPlan {
  readonly functions: Record<string, PlannedFunction>;
  /** Functions that make pictures of the base model. */
  readonly base: PictureFunctions;
}

/** Called when everything that trains is attached. */
export function planFunctions(
  { config, model, container }: RunSetting,
  pictures: PictureShape,
  numInstanceImages: number,
): FunctionPlan {
  const classPictures = container.prior?.target === 'frozen' ? undefined : container.prior;
  const looks = config.samples ? 1 + Math.ceil(config.maxTrainSteps / config.sampleEverySteps) : 0;
  const sampled = looks * Math.ceil((config.samplePrompts.length * config.numSamples) / pictures.batchSize);
  const priorBatches = Math.ceil((classPictures?.numClassImages ?? 0) / pictures.batchSize);
  const predictions =
    sampled * config.numInferenceSteps +
    priorBatches * (classPictures?.numInferenceSteps ?? config.numInferenceSteps);
  // The same numbers for both: class pictures are shared with runs whose one function makes them and samples alike.
  const expected: Readonly<Record<keyof PictureFunctions, number>> = {
    encodePrompt: config.samplePrompts.length,
    predict: predictions,
    predictGuided: predictions,
    decodeLatents: sampled + priorBatches,
  };
  const planned = (of: DiffusionModel, names: PictureFunctions): Record<string, PlannedFunction> => ({
    [names.encodePrompt]: { definition: encodePrompt(of), expectedRuns: expected.encodePrompt },
    [names.predict]: { definition: predict(of, pictures), expectedRuns: expected.predict },
    [names.predictGuided]: { definition: predictGuided(of, pictures), expectedRuns: expected.predictGuided },
    [names.decodeLatents]: { definition: decodeLatents(of, pictures), expectedRuns: expected.decodeLatents },
  });
  const base = classPictures ? baseFunctions(model) : PICTURE_FUNCTIONS;
  return {
    functions: {
      encodePicture: {
        definition: encodePicture(baseModel(model), config.resolution),
        expectedRuns: numInstanceImages + (classPictures?.numClassImages ?? 0),
      },
      ...planned(baseModel(model), base),
      // A function that serves both is traced as it stands.
      ...planned(model, PICTURE_FUNCTIONS),
    },
    base,
  };
}

/** Names of the base model's functions: others where adapters lie over the network. */
function baseFunctions({ textEncoder, noisePredictor, latentCodec }: DiffusionModel): PictureFunctions {
  return {
    encodePrompt: textEncoder.parameters.isAdapted ? 'baseEncodePrompt' : 'encodePrompt',
    predict: noisePredictor.parameters.isAdapted ? 'basePredict' : 'predict',
    predictGuided: noisePredictor.parameters.isAdapted ? 'basePredictGuided' : 'predictGuided',
    decodeLatents: latentCodec.parameters.isAdapted ? 'baseDecodeLatents' : 'decodeLatents',
  };
}
