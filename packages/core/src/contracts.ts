// The contracts every part of a run is written against. Start at `pipeline.ts` for how they meet.
//
// Shapes: B batch, h × w latent height and width, C latent channels, T tokens, D width of the text states.
// Activations are NHWC. Tensors exist only while a step is traced; between steps everything is a typed array.
import type { RandomStream, Tensor, TensorEntry, Variable } from '@likeness/engine';
import type { Observable } from 'rxjs';
import type { PipelineEvent, StageName } from './events.ts';
import type { Parameters } from './model/parameters.ts';
import type { Placeholder } from './model/placeholder.ts';

export type * from './lossContracts.ts';

// ---- the model ----------------------------------------------------------------------------------------------------

/** A network with weights: declared parameters and where their values come from. */
export interface ModelComponent {
  /** Folder name in a diffusers model: `unet`, `vae`, `text_encoder`. */
  readonly name: string;
  readonly parameters: Parameters;
  /** Weights of the checkpoint, by key; values are read by range when a program loads them. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

export interface TextEncoder extends ModelComponent {
  /** Tokens per prompt T. */
  readonly maxLength: number;
  readonly hiddenSize: number;
  /** Traced: ids int32 `[B, T]` → hidden states `[B, T, D]` as the noise predictor wants them. */
  encode(ids: Tensor): Tensor;
}

export interface NoisePredictor extends ModelComponent {
  readonly latentChannels: number;
  /** Traced: latents `[B, h, w, C]`, timesteps `[B]`, hidden states `[B, T, D]` → prediction `[B, h, w, C]`. */
  predict(latents: Tensor, timesteps: Tensor, encoderHiddenStates: Tensor): Tensor;
}

export interface LatentCodec extends ModelComponent {
  /** Latents are multiplied by this for training and divided before decoding. */
  readonly scalingFactor: number;
  /** How many picture pixels one latent spans per side. */
  readonly downsampleFactor: number;
  /** Traced: pixels `[B, H, W, 3]` in [-1, 1] → mean and log variance `[B, h, w, C]`, before scaling. */
  encode(pixels: Tensor): { mean: Tensor; logvar: Tensor };
  /** Traced: latents `[B, h, w, C]` after division by the scaling factor → pixels `[B, H, W, 3]`. */
  decode(latents: Tensor): Tensor;
}

export interface Tokenizer {
  readonly modelMaxLength: number;
  /** Ids of a text without specials or padding. */
  encode(text: string): number[];
  /** Ids with specials, truncated and padded to `modelMaxLength`. */
  encodePadded(text: string): Int32Array;
  /**
   * Makes a word stand for `vectors` new tokens, whose ids come after all others. Whoever adds one overlays the token
   * embedding for them.
   * @throws ConfigError when one of them is a token already
   */
  addPlaceholder(word: string, vectors: number): Placeholder;
}

export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';

/** The forward (noising) process. */
export interface NoiseSchedule {
  readonly numTrainTimesteps: number;
  readonly predictionType: PredictionType;
  /** ᾱ_t, `[numTrainTimesteps]`. */
  readonly alphasCumprod: Float32Array;
}

/** Raw model output (epsilon, v or sample, as the schedule says) for one timestep; picture batches are flat NHWC. */
export type Denoise = (sample: Float32Array, timestep: number) => Promise<Float32Array>;

export interface SampleRequest {
  /** Sampler's name, one of `model.samplers`. */
  readonly sampler: string;
  readonly numInferenceSteps: number;
  /** Standard normal start, flat NHWC; scaled by the sampler's initial sigma inside. */
  readonly latents: Float32Array;
  /** Fresh standard normal numbers for ancestral samplers, one call per step. */
  readonly noise: (step: number) => Float32Array;
  readonly denoise: Denoise;
  readonly onStep?: (step: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface ExportOptions {
  readonly dtype: 'fp32' | 'fp16' | 'bf16';
  /** A diffusers folder, or one file in the layout of the original Stable Diffusion release. */
  readonly format: 'diffusers' | 'ldm';
  /** Goes into the header of every weights file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes weights that live in the engine process; see `Program.save`. */
export interface WeightsSource {
  save(
    path: string,
    tensors: readonly {
      variable: string;
      key: string;
      dtype: 'F32' | 'F16' | 'BF16';
      layout: 'asIs' | 'oihw' | 'oihw1x1';
    }[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** Everything a method needs of a text-to-image model. */
export interface DiffusionModel {
  /** What the user named: a folder, file or Hub id. */
  readonly source: string;
  /** sha256 over the weights' bytes: what cached latents and class images are keyed by. */
  readonly fingerprint: string;
  /** Side of the pictures it was trained on, pixels. */
  readonly resolution: number;
  readonly textEncoder: TextEncoder;
  readonly noisePredictor: NoisePredictor;
  readonly latentCodec: LatentCodec;
  readonly tokenizer: Tokenizer;
  readonly noiseSchedule: NoiseSchedule;
  /** Names of the samplers, the model's own first. */
  readonly samplers: readonly string[];
  /** Settings that suit this model better than the plugins' defaults (the bundled model's learning rate, say). */
  readonly recommended: RecommendedSettings;
  sample(request: SampleRequest): Promise<Float32Array>;
  /** Writes the whole model; components whose variables are unchanged are copied byte for byte. */
  export(
    path: string,
    weights: WeightsSource,
    changed: readonly string[],
    options: ExportOptions,
  ): Promise<string[]>;
}

export interface RecommendedSettings {
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
  /** By plugin name, over that plugin's own defaults. */
  readonly training?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

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
  /** Writes what was learned; returns the files written. */
  export(target: ExportTarget): Promise<string[]>;
  /** Takes adapters off again; afterwards the base's outputs are bit-identical. */
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

// ---- stages and runs ----------------------------------------------------------------------------------------------

/** A step of the pipeline. */
export interface Stage<In, Out, Context extends RunContext = RunContext> {
  readonly name: StageName;
  run(input: In, context: Context): Promise<Out>;
}

export interface RunPaths {
  /** The run's folder. */
  readonly run: string;
  /** Content-addressed cache shared by runs. */
  readonly cache: string;
}

export interface RunContext {
  readonly emit: (event: PipelineEvent) => void;
  /** Aborted by unsubscribing, or by Ctrl-C: stages stop at the next whole step. */
  readonly signal: AbortSignal;
  readonly paths: RunPaths;
}

/** A run: cold. Subscribing starts it, unsubscribing stops it cleanly with a checkpoint. */
export type Run = Observable<PipelineEvent>;
