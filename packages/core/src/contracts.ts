// The contracts every part of a run is written against. Start at `pipeline.ts` for how they meet.
//
// Shapes: B batch, h × w latent height and width, C latent channels, T tokens, D width of the text states.
// Activations are NHWC. Tensors exist only while a step is traced; between steps everything is a typed array.
import type { Tensor, TensorEntry, Variable } from '@likeness/engine';
import type { Observable } from 'rxjs';
import type { PipelineEvent, StageName } from './events.ts';
import type { Parameters } from './model/parameters.ts';
import type { Placeholder } from './model/placeholder.ts';

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
  /** The autoencoder's scaling factor, where training has measured it anew. Default: the model's own. */
  readonly scalingFactor?: number;
}

/** A model to be made: from nothing, or from what there is of one. */
export interface ModelDefinition {
  /** A folder of diffusers config files, with weights or without; or a model by any name that opens one. */
  readonly from?: string;
  /** Components whose weights are drawn anew. Default: those without weights. */
  readonly random?: readonly string[];
  /** Fields of config files, over those of `from`: `{ unet: { block_out_channels: [64, 128] }, scheduler: { … } }`. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Folder with the tokenizer's files. Default: that of `from`. */
  readonly tokenizer?: string;
  /** Of the random weights. */
  readonly seed: number;
}

/** Where models come from. Who trains one from nothing is given this, as everybody else is given a model. */
export interface ModelSource {
  open(name: string): Promise<DiffusionModel>;
  /**
   * What of a definition decides the bytes `create` writes: content, not paths. For cache keys. Undefined where nothing
   * has to be made, since `from` is a whole model as it stands.
   * @throws WeightsError when files of it cannot be read
   */
  identify(definition: ModelDefinition): Promise<Readonly<Record<string, unknown>> | undefined>;
  /**
   * Writes a model folder that `open` opens. Random weights follow torch's rules for each kind of layer.
   * @throws WeightsError for configs that fit no network
   */
  create(definition: ModelDefinition, folder: string): Promise<void>;
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
  /** The same over one component alone, `unet`, `vae` or `text_encoder`: for what only that one has made. */
  componentFingerprint(name: string): Promise<string>;
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
  /** First values of variables that no checkpoint holds, by variable name. */
  readonly initialValues?: ReadonlyMap<string, Float32Array>;
  /** Writes what was learned; returns the files written. */
  export(target: ExportTarget): Promise<string[]>;
  /** Takes adapters off again; afterwards the base's outputs are bit-identical. */
  detach(): void;
}

export interface ExportTarget {
  /** Folder to write into. */
  readonly folder: string;
  readonly weights: WeightsSource;
  readonly model: DiffusionModel;
  readonly options: ExportOptions;
  /** Variable name to read instead of another: the averaged weights, when EMA is on. */
  readonly variableFor: (name: string) => string;
}

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
}

/** What a loss term may look at. */
export interface LossView {
  readonly instance: BatchPart;
  /** Present when a plugin asks for class pictures. */
  readonly prior?: BatchPart;
}

export interface LossTerm {
  readonly name: string;
  readonly weight: number;
  /** One loss per picture, `[B]`: the composer takes means and weights. */
  compute(view: LossView): Tensor;
}

/** Asks for pictures made by the base model before training. */
export interface PriorRequest {
  readonly classPrompt: string;
  readonly numClassImages: number;
  /** The user's own pictures; topped up when there are fewer than asked for. */
  readonly classDataDir?: string;
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
  readonly sampleBatchSize?: number;
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
