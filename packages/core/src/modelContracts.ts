// The contract of a text-to-image model: its parts, what a sampler asks, what an export writes. Part of `contracts.ts`.
//
// Shapes: B batch, h × w latent height and width, C latent channels, T tokens, D width of the text states.
// Activations are NHWC. Tensors exist only while a step is traced; between steps everything is a typed array.
import type { Tensor, TensorEntry, Warning } from '@likeness/engine';
import type { Parameters } from './model/parameters.ts';
import type { Placeholder } from './model/placeholder.ts';

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
  /** What its tokens are, where they can be read and have an order. */
  readonly vocabulary?: Vocabulary;
}

/** A token of a vocabulary. */
export interface VocabularyToken {
  readonly id: number;
  /** As the vocabulary spells it: `sks</w>`. */
  readonly token: string;
  /** What it stands for in a text: `sks`. */
  readonly text: string;
  /** Nothing of the same word follows. */
  readonly endsWord: boolean;
  /** How late it was learned: 0 for single bytes, 1 for the last merge. Merges go by frequency, so late is rare. */
  readonly rarity: number;
}

/** The tokens a vocabulary was trained to; special and added ones have no rarity and are left out. */
export interface Vocabulary {
  token(id: number): VocabularyToken | undefined;
  /** All of them, the first learned first. */
  tokens(): readonly VocabularyToken[];
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

/** How a whole model is written. */
export interface ModelExportOptions extends Omit<ExportOptions, 'dtype'> {
  /** `asIs`: every tensor keeps the type it has in the model's files. */
  readonly dtype: ExportOptions['dtype'] | 'asIs';
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
  /** What a person should know of how it was opened. */
  readonly warnings?: readonly Warning[];
  sample(request: SampleRequest): Promise<Float32Array>;
  /** Writes the whole model; components whose variables are unchanged are copied byte for byte. */
  export(
    path: string,
    weights: WeightsSource,
    changed: readonly string[],
    options: ModelExportOptions,
  ): Promise<string[]>;
}

export interface RecommendedSettings {
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
  /** By plugin name, over that plugin's own defaults; `a+b`: for recipes with both, over what is said for each. */
  readonly training?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
