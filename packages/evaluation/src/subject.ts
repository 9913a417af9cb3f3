// What is evaluated, as the composition root opens it: a model with what a run laid over it, and what is known of the
// subject. The evaluation itself knows neither methods nor where models come from.
import type { Attached, DiffusionModel } from '@likeness/core';

export interface EvaluationSubject {
  /** In titles and records: a recipe, or the model's name. */
  readonly name: string;
  /** The evaluation is written into its `evaluation/`. */
  readonly folder: string;
  readonly model: DiffusionModel;
  /** Lays over the model what the run exported, where that is no model of its own. */
  readonly attach?: () => Promise<Attached>;
  /** sha256 of what is attached: together with the model's fingerprint it identifies what draws. */
  readonly attachedFingerprint?: string;
  /** The model before training; absent where nothing was trained: then there is no drift. */
  readonly base?: DiffusionModel;
  /** Pictures of the subject: a folder, or files. */
  readonly references: string | readonly string[];
  /** How prompts name the subject: `sks robot`, `<my-robot>`. */
  readonly phrase: string;
  /** What it is, for texts CLIP is asked: `robot`. */
  readonly classNoun?: string;
  readonly classPrompt?: string;
  /** Sentences with `{}` for the subject, used unless settings say others. */
  readonly prompts: readonly string[];
  readonly unrelatedPrompts: readonly string[];
  readonly sampling: {
    readonly sampler: string;
    readonly numInferenceSteps: number;
    readonly guidanceScale: number;
  };
  readonly resolution: number;
  /** `exportBytes`, `trainedParameters`, … */
  readonly facts: Readonly<Record<string, number>>;
}
