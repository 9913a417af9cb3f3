// The contracts every part of a run is written against. Start at `pipeline.ts` for how they meet. The model's own are in
// `modelContracts.ts`, and handed on from here.
//
// Shapes: B batch, h × w latent height and width, C latent channels, T tokens, D width of the text states.
// Activations are NHWC. Tensors exist only while a step is traced; between steps everything is a typed array.
import type { RandomStream, Tensor, Variable } from '@likeness/engine';
import type { Observable } from 'rxjs';
import type { RgbImage } from './data/rgbImage.ts';
import type { Warning } from './errors.ts';
import type { PipelineEvent, StageName } from './events.ts';
import type { ExportOptions, WeightsSource, DiffusionModel } from './modelContracts.ts';

export type * from './modelContracts.ts';
export type * from './encoderContracts.ts';
export type * from './lossContracts.ts';

// ---- what plugins contribute --------------------------------------------------------------------------------------

/** Variables that train with one learning rate. */
export interface ParameterGroup {
  readonly name: string;
  readonly variables: readonly Variable[];
  /** Instead of the run's learning rate; the schedule and `learningRateScale` apply to it as well. */
  readonly learningRate?: number;
  /** Multiplies the learning rate. */
  readonly learningRateScale?: number;
  /** Overrides the optimizer's weight decay. */
  readonly weightDecay?: number;
}

/** What a method trains. Made before the step is traced; may attach adapters and create variables. */
export interface Trainable {
  readonly groups: readonly ParameterGroup[];
  /** Components whose outputs change while training (`text_encoder` → prompts are encoded inside the step). */
  readonly touches: readonly ('unet' | 'text_encoder')[];
  /** Numbers that are drawn anew for every step and read while it is traced: dropout masks, say. */
  readonly stepInputs?: readonly StepInput[];
  /** First values of variables that no checkpoint holds, by variable name. */
  readonly initialValues?: ReadonlyMap<string, Float32Array>;
  /** Words that are learned, for other trainables' files to take along. */
  readonly words?: readonly LearnedWord[];
  /** What whoever uses the result should know: sentences for the model card. */
  readonly notes?: readonly string[];
  /** Writes what was learned; returns the files written, as whole paths or relative to the target's folder. */
  export(target: ExportTarget): Promise<string[]>;
  /**
   * For the model card: lines of Python that put the export onto diffusers' pipeline `pipe` of the base model. Without
   * it the export is a pipeline itself.
   * @param exported the export's folder, as the card names it
   */
  loadInDiffusers?(exported: string): readonly string[];
  /** Takes adapters off again; afterwards the base's outputs are bit-identical. */
  detach(): void;
}

/** Something from files that lies over a model: adapters, a new word. */
export interface Attached {
  /** Values of the variables it brings, by name: to be written into every program made of the model. */
  readonly initialValues: ReadonlyMap<string, Float32Array>;
  /** Takes it off again, without a trace. What was attached later comes off first. */
  detach(): void;
}

/** An input of the train step beside the batch; made by `createStepInput`. */
export interface StepInput {
  /** Unique in a run; together with the seed and the number of the step it decides what is drawn. */
  readonly name: string;
  /** So many numbers, from a stream that is another for every gradient computation. */
  readonly draw: (stream: RandomStream, count: number) => Float32Array;
  /** Traced: the numbers of this step, in one shape; undefined in whatever is no train step (sampling). */
  readonly read: (shape: readonly number[]) => Tensor | undefined;
}

/** A word made up for something that is learned. */
export interface LearnedWord {
  /** As it stands in prompts. */
  readonly word: string;
  /** Name of the variable that holds its vectors, `[vectors, width]`. */
  readonly variable: string;
  readonly vectors: number;
  readonly width: number;
}

export interface ExportTarget {
  /** Folder to write into. */
  readonly folder: string;
  readonly weights: WeightsSource;
  readonly model: DiffusionModel;
  readonly options: ExportOptions;
  /** Words that any trainable of the run has learned. */
  readonly words: readonly LearnedWord[];
  /** Variable name to read instead of another: the averaged weights, when EMA is on. */
  readonly variableFor: (name: string) => string;
}

/** Prompts of a run, known to plugins, events and the model card. */
export interface SubjectPrompts {
  readonly identifier?: string;
  readonly classNoun?: string;
  readonly instancePrompt: string;
  readonly classPrompt?: string;
}

/** Prompts of an instance picture: every step draws one of them. At least one. */
export type InstancePrompts = (picture: { readonly caption?: string }) => readonly string[];

/** Everything a plugin may know when it sets up. */
export interface SetupContext {
  readonly prompts: SubjectPrompts;
  readonly seed: number;
  /** Names of the run's plugins, in recipe order. */
  readonly plugins: readonly string[];
}

// ---- looking on ---------------------------------------------------------------------------------------------------

/** A sample picture of a run. */
export interface SamplePicture {
  readonly prompt: string;
  readonly seed: number;
  readonly image: RgbImage;
}

/** What a watch is shown every time a run has made its sample pictures. */
export interface WatchedSamples {
  /** Steps done. */
  readonly step: number;
  /** The instance pictures as the model sees them. */
  readonly instance: readonly RgbImage[];
  readonly pictures: readonly SamplePicture[];
  /** Those of step 0, of the same prompts and seeds: the base model's. */
  readonly first: readonly SamplePicture[];
  /** What the look before found. */
  readonly before: Readonly<Record<string, number>> | undefined;
}

export interface WatchFindings {
  /** Told as `measured`, and handed to the next look. */
  readonly measures: Readonly<Record<string, number>>;
  readonly warnings: readonly Warning[];
  /** Why training should end here. */
  readonly stop?: string;
}

/**
 * Looks at the samples of a run and may end its training. What it finds must follow from what it is shown alone: a run
 * that was interrupted is shown the same again.
 */
export interface SampleWatch {
  look(samples: WatchedSamples): Promise<WatchFindings>;
  close(): Promise<void>;
}

// ---- stages and runs ----------------------------------------------------------------------------------------------

/** A step of the pipeline. */
export interface Stage<In, Out, Context extends StageContext = RunContext> {
  readonly name: StageName;
  run(input: In, context: Context): Promise<Out>;
}

export interface RunPaths {
  /** The run's folder. */
  readonly run: string;
  /** Content-addressed cache shared by runs. */
  readonly cache: string;
}

/** What the first stage has, before there is a folder. */
export interface StageContext {
  readonly emit: (event: PipelineEvent) => void;
  /** Aborted by unsubscribing, or by Ctrl-C: stages stop at the next whole step. */
  readonly signal?: AbortSignal;
}

export interface RunContext extends StageContext {
  readonly signal: AbortSignal;
  readonly paths: RunPaths;
}

/** A run: cold. Subscribing starts it, unsubscribing stops it cleanly with a checkpoint. */
export type Run = Observable<PipelineEvent>;
