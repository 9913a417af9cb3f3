// The layers of a model that an adapter can overlay.
import type { DiffusionModel, ModelComponent } from '@likeness/core';

export type ComponentName = 'unet' | 'text_encoder';

/** A linear layer or a convolution, by its place in the checkpoint. */
export interface AdaptableLayer {
  readonly component: ComponentName;
  /** Path in the checkpoint: `mid_block.attentions.0.proj_in`. */
  readonly path: string;
  readonly kind: 'linear' | 'conv2d';
  /** Of its weight in the checkpoint: `[out, in]` or `[out, in, height, width]`. */
  readonly shape: readonly number[];
}

/** The component of a model that holds a layer. */
export const componentOf = (model: DiffusionModel, name: ComponentName): ModelComponent =>
  name === 'unet' ? model.noisePredictor : model.textEncoder;

/** All linear layers and convolutions of the noise predictor and the text encoder, in the order they are used. */
export function adaptableLayers(model: DiffusionModel): AdaptableLayer[] {
  return (['unet', 'text_encoder'] as const).flatMap((component) => {
    const { parameters } = componentOf(model, component);
    return [...parameters.layerPaths()].flatMap(([path, kind]): AdaptableLayer[] => {
      const shape = parameters.entries().get(`${path}.weight`)?.shape;
      return kind === 'embedding' || shape === undefined ? [] : [{ component, path, kind, shape }];
    });
  });
}

/** Outputs, inputs, and how many places a kernel has (1 for linear layers). */
export function sizesOf({ shape }: Pick<AdaptableLayer, 'shape'>): {
  out: number;
  inputs: number;
  places: number;
} {
  const [out = 1, inputs = 1, height = 1, width = 1] = shape;
  return { out, inputs, places: height * width };
}
