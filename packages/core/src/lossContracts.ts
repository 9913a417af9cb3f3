// What losses see of a step, and what they may ask to be shown. Part of `contracts.ts`, with its legend of shapes.
import type { Tensor } from '@likeness/engine';

/** A slice of the batch: the instance pictures, or the class pictures. Arrays have one row per picture of the slice. */
export interface BatchPart {
  /** `[B, h, w, C]` */
  readonly prediction: Tensor;
  /** What the prediction should be: noise, velocity or sample. `[B, h, w, C]` */
  readonly target: Tensor;
  /** `[B]` */
  readonly timesteps: Tensor;
  /** Weight of each picture by its own timestep (Min-SNR), ones otherwise. `[B]` */
  readonly timestepWeights: Tensor;
  /** Weight per latent pixel, ones without masks. `[B, h, w, 1]` */
  readonly mask: Tensor;
  /**
   * Traced on demand: what the frozen model, without any adapter, predicts for the same noisy latents, timesteps and
   * prompts. No gradient flows into it; it costs another forward pass. `[B, h, w, C]`
   * @throws PluginError when weights of the base model train: then there is no frozen model
   */
  readonly frozenPrediction: () => Tensor;
}

/** What a loss term may look at. */
export interface LossView {
  readonly instance: BatchPart;
  /** Present when a plugin asks for one. */
  readonly prior?: BatchPart;
}

export interface LossTerm {
  readonly name: string;
  readonly weight: number;
  /** One loss per picture, `[B]`: the composer takes means and weights. */
  compute(view: LossView): Tensor;
}

/** Asks for a second part of every batch that shows the class, so that a loss can keep it what it was. */
export type PriorRequest = GeneratedPrior | FrozenPrior;

/** The class is pictures made by the base model before training; they are learned as the subject's are. */
export interface GeneratedPrior {
  readonly target?: 'generated';
  readonly classPrompt: string;
  readonly numClassImages: number;
  /** The user's own pictures; topped up when there are fewer than asked for. */
  readonly classDataDir?: string;
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
  readonly sampleBatchSize?: number;
}

/**
 * The class is what the frozen model says of it: the subject's own latents under the class prompt, with the frozen
 * model's prediction as the target. Needs no pictures, and a base model whose weights do not train.
 */
export interface FrozenPrior {
  readonly target: 'frozen';
  readonly classPrompt: string;
}
