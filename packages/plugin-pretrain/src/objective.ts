// What one network learns from: the contract between the training stage and the networks' objectives.
//
// Shapes: B pictures of a step, H × W pixels, h × w latents, C latent channels, T tokens, D width of the text states.
import type {
  ComposedLoss,
  ExportOptions,
  FunctionDefinition,
  ParameterGroup,
  PlannedFunction,
  Program,
  RgbImage,
  Tensor,
  TensorSpec,
  TypedData,
} from '@likeness/core';

import type { EncodeOptions } from './data/encoded.ts';

/** A loss over a batch. Traced. */
export interface LossFunction {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  compute(inputs: Readonly<Record<string, Tensor>>): ComposedLoss;
  /** Share of all steps that are of this kind. */
  readonly share: number;
}

/** What a step is fed. */
export type Feeds = Readonly<Record<string, TypedData>>;

/** Rows of pictures with their labels. */
export interface Look {
  readonly rows: readonly { readonly label: string; readonly pictures: readonly RgbImage[] }[];
  /** Pictures made from prompts, for files of their own. */
  readonly samples: readonly { readonly prompt: string; readonly seed: number; readonly image: RgbImage }[];
}

export interface Objective {
  /** Components that are exported as changed. */
  readonly changed: readonly string[];
  readonly groups: readonly ParameterGroup[];
  /** First values of variables no model has: heads, an image tower. */
  readonly initialValues: ReadonlyMap<string, Float32Array>;
  /** Kinds of steps: their losses share variables and optimizer. */
  readonly losses: Readonly<Record<string, LossFunction>>;
  /** Functions of measures and samples. */
  readonly functions: Readonly<Record<string, PlannedFunction>>;
  /** Before the first step: what does not change while training is computed, or found in the cache. */
  encode?(options: Omit<EncodeOptions, 'model'>): Promise<void>;
  /** Which of `losses` a step is of, given the steps planned in all. Steps count from 0. */
  lossAt(step: number, total: number): string;
  /** The batch of a step: a pure function of both arguments. */
  batchOf(loss: string, step: number): Promise<Feeds>;
  /** On held-out pictures. Runs on the averaged weights, as `look` does. */
  measure(program: Program): Promise<Readonly<Record<string, number>>>;
  look?(program: Program): Promise<Look>;
  /** What of the export depends on the trained weights. */
  exportOptions?(program: Program): Promise<Partial<ExportOptions>>;
  close(): void;
}

/** A function that measures: how often it runs decides how it is compiled. */
export const planned = (definition: FunctionDefinition, expectedRuns: number): PlannedFunction => ({
  definition,
  expectedRuns,
});
