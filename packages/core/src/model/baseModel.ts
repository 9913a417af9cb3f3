// The model under the adapters: the same networks on the same variables, with whatever lies over them passed over.
import type { DiffusionModel } from '../contracts.ts';

/**
 * A view of a model that computes as if nothing were attached to it. What it says is the base model's as long as no
 * weight of that trains. Words that adapters brought are no words to it: it reads the last row of the table for them.
 */
export function baseModel(model: DiffusionModel): DiffusionModel {
  const { textEncoder, noisePredictor, latentCodec } = model;
  return {
    ...model,
    textEncoder: {
      ...textEncoder,
      encode: (ids) => textEncoder.parameters.withoutAdapters(() => textEncoder.encode(ids)),
    },
    noisePredictor: {
      ...noisePredictor,
      predict: (latents, timesteps, states) =>
        noisePredictor.parameters.withoutAdapters(() => noisePredictor.predict(latents, timesteps, states)),
    },
    latentCodec: {
      ...latentCodec,
      encode: (pixels) => latentCodec.parameters.withoutAdapters(() => latentCodec.encode(pixels)),
      decode: (latents) => latentCodec.parameters.withoutAdapters(() => latentCodec.decode(latents)),
    },
  };
}
