// What a run says while it goes: numbers and paths only, so every event is a line of JSON. A leaf: imports types only.
//
//   run-started                                     folder, recipe, resolved config, model, prompts
//   for each stage of dataset, prior, encoding, training, export:
//     stage-started
//     stage-specific, in this order:
//       dataset    dataset-loaded
//       prior      prior-reused | prior-image × numClassImages           (only when a plugin asks for class pictures)
//       encoding   progress × pictures
//       training   samples-written                                       (step 0: the base model)
//                  for step of 1 … maxTrainSteps:
//                    draw batch, noise, timesteps → compiled step → new weights
//                    step                                                loss per term, learning rates, time, memory
//                    every checkpointingSteps:  checkpoint-saved
//                    every sampleEverySteps:    progress × pictures, samples-written (of a watched run: before the checkpoint)
//                    when a run measures itself (pretraining, --watch): measured
//                    when a rule of --early-stop holds: early-stopped, after which no step follows
//       export     exported
//     stage-finished
//   run-finished | run-interrupted                  the last event; an error leaves as the Observable's error instead
//
// `progress` may come anywhere for what lasts longer than two seconds, `warning` anywhere; `compile-started` and
// `compile-finished` around the first call of each function that XLA compiles.
// A resumed run starts with run-started (`resumedFrom` set) and continues with the step after the checkpoint's.
import type { SubjectPrompts } from './contracts.ts';

export type StageName = 'dataset' | 'prior' | 'encoding' | 'training' | 'export';

export interface RunStartedEvent {
  readonly type: 'run-started';
  /** The run's folder. */
  readonly folder: string;
  /** `dreambooth+ppl` */
  readonly recipe: string;
  /** The resolved config, as it stands in `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly model: { readonly source: string; readonly fingerprint: string; readonly resolution: number };
  readonly prompts: SubjectPrompts;
  /** Step of the checkpoint the run continues from. */
  readonly resumedFrom?: number;
}

export interface StageStartedEvent {
  readonly type: 'stage-started';
  readonly stage: StageName;
}

export interface StageFinishedEvent {
  readonly type: 'stage-finished';
  readonly stage: StageName;
  readonly seconds: number;
}

/** Sent for everything that lasts longer than two seconds, at most a few times a second. */
export interface ProgressEvent {
  readonly type: 'progress';
  /** A stage, or what precedes them. */
  readonly stage: StageName | 'setup' | 'loading' | 'compiling' | 'sampling' | 'measuring';
  readonly done: number;
  /** 0 when nobody can know. */
  readonly total: number;
  /** What is counted: `pictures`, `bytes`, `steps`. */
  readonly unit: string;
  readonly secondsLeft?: number;
  readonly message?: string;
}

export interface WarningEvent {
  readonly type: 'warning';
  /** The kind of warning; docs/errors.md lists them. */
  readonly code: string;
  readonly text: string;
  /** What it is about, where it came up while training. */
  readonly step?: number;
}

export interface DatasetLoadedEvent {
  readonly type: 'dataset-loaded';
  readonly pictures: readonly string[];
  /** How many there are, where they are too many to be listed: `pictures` names their folders then. */
  readonly count?: number;
  /** Side of the square the model sees, pixels. */
  readonly resolution: number;
  readonly captions: number;
  readonly masks: number;
}

/** One class picture was made. */
export interface PriorImageEvent {
  readonly type: 'prior-image';
  readonly done: number;
  readonly total: number;
  readonly path: string;
}

/** Class pictures of an earlier run, or the user's own, fit exactly. */
export interface PriorReusedEvent {
  readonly type: 'prior-reused';
  readonly pictures: number;
  readonly folder: string;
}

/** A function of the program is called for the first time, and XLA compiles it. Not in other modes. */
export interface CompileStartedEvent {
  readonly type: 'compile-started';
  /** `trainStep`, `predictGuided`, `decodeLatents` … */
  readonly function: string;
  readonly mode: 'xla';
}

export interface CompileFinishedEvent {
  readonly type: 'compile-finished';
  readonly function: string;
  readonly mode: 'xla';
  /** Its first run included; short when the program was compiled by an earlier run. */
  readonly seconds: number;
}

export interface StepEvent {
  readonly type: 'step';
  /** 1 after the first step. */
  readonly step: number;
  readonly maxTrainSteps: number;
  /** The weighted sum of the terms. */
  readonly loss: number;
  /** Mean of every loss term before its weight, by name. */
  readonly terms: Readonly<Record<string, number>>;
  /** By parameter group. */
  readonly learningRates: Readonly<Record<string, number>>;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  readonly secondsPerStep: number;
  readonly secondsLeft: number;
  /** Resident memory of the engine process. */
  readonly memoryBytes: number;
}

export interface CheckpointSavedEvent {
  readonly type: 'checkpoint-saved';
  readonly step: number;
  readonly folder: string;
  readonly bytes: number;
}

export interface SamplesWrittenEvent {
  readonly type: 'samples-written';
  readonly step: number;
  /** All pictures beside the instance pictures. */
  readonly sheet: string;
  readonly pictures: readonly { readonly path: string; readonly prompt: string; readonly seed: number }[];
}

/** What a run found out about itself on data it does not train on. */
export interface MeasuredEvent {
  readonly type: 'measured';
  readonly step: number;
  /** By name: `heldOutLoss`, `trueCaptionLoss.t850`, … */
  readonly measures: Readonly<Record<string, number>>;
}

/** Training ends before its last step, by a rule the run was given. The result is exported as ever. */
export interface EarlyStoppedEvent {
  readonly type: 'early-stopped';
  readonly step: number;
  readonly maxTrainSteps: number;
  /** What held: `drift 0.13 > 0.1`. */
  readonly reason: string;
}

export interface ExportedEvent {
  readonly type: 'exported';
  readonly files: readonly string[];
  /** Numbers that were trained, in all; absent in logs of older runs. */
  readonly trainedParameters?: number;
}

export interface RunFinishedEvent {
  readonly type: 'run-finished';
  readonly folder: string;
  /** The exported folder or file. */
  readonly export: string;
  readonly sheet?: string;
  /** What to type next. */
  readonly next: string;
}

/** Stopped by unsubscribing or Ctrl-C, after a whole step. */
export interface RunInterruptedEvent {
  readonly type: 'run-interrupted';
  readonly step: number;
  /** Absent when no step was finished. */
  readonly checkpoint?: string;
  /** What to type to go on. */
  readonly resume: string;
}

export type PipelineEvent =
  | RunStartedEvent
  | StageStartedEvent
  | StageFinishedEvent
  | ProgressEvent
  | WarningEvent
  | DatasetLoadedEvent
  | PriorImageEvent
  | PriorReusedEvent
  | CompileStartedEvent
  | CompileFinishedEvent
  | StepEvent
  | CheckpointSavedEvent
  | SamplesWrittenEvent
  | MeasuredEvent
  | EarlyStoppedEvent
  | ExportedEvent
  | RunFinishedEvent
  | RunInterruptedEvent;

/** The event of one type: `EventOf<'step'>`. */
export type EventOf<Type extends PipelineEvent['type']> = Extract<PipelineEvent, { type: Type }>;
