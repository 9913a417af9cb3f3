// The contract of networks that look at pictures and texts without drawing any: encoders, as judges are. Who trains one
// or measures with one is given it by these. Part of `contracts.ts`.
//
// Shapes: B batch, H × W pixels, D width of a feature, T tokens.
import type { Tensor } from '@likeness/engine';
import type { DiffusionModel, ModelComponent, ModelDefinition, Tokenizer } from './modelContracts.ts';

/** What a program computes with, and what a run says it trains. */
export interface WeightedModel extends Pick<
  DiffusionModel,
  'source' | 'fingerprint' | 'resolution' | 'export'
> {
  readonly components: readonly ModelComponent[];
}

/** Features of pictures; of texts as well where there is a text tower, or scores of labels where there are labels. */
export interface ImageEncoder extends WeightedModel {
  /** Width of a feature D. */
  readonly featureSize: number;
  /** What turns a picture into pixels: the content of `preprocessor_config.json`. */
  readonly preprocessor: Readonly<Record<string, unknown>>;
  /** Traced: pixels `[B, H, W, 3]`, normalised as the preprocessor says → features `[B, D]` of any length. */
  encode(pixels: Tensor): Tensor;
  readonly text?: TextFeatures;
  readonly labels?: LabelScores;
}

/** The text tower of an encoder whose pictures and texts meet in one space. */
export interface TextFeatures {
  readonly tokenizer: Tokenizer;
  /** Tokens of a text T, with specials and padding. */
  readonly maxLength: number;
  /** Traced: ids int32 `[B, T]` → features `[B, D]` of any length. */
  encode(ids: Tensor): Tensor;
  /** Traced: the natural logarithm of what cosines are multiplied with, a scalar. */
  logitScale(): Tensor;
}

/** A linear layer over the feature that tells labels of several kinds. */
export interface LabelScores {
  /** Kinds of labels with their values, in the order of the scores: `noun` → `cat`, `dog`, … */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** Traced: pixels `[B, H, W, 3]` → scores `[B, N]`: logits, to be compared within a kind. */
  classify(pixels: Tensor): Tensor;
}

/** An encoder to be made from nothing. */
export interface EncoderDefinition extends Pick<ModelDefinition, 'tokenizer' | 'seed'> {
  /** Fields of transformers' `config.json`; `model_type` says which network it is: `vit` or `clip`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** How many tokens of the tokenizer are kept, the most frequent first. Default: all. */
  readonly vocabularySize?: number;
  /** Kinds of labels with their values: a classifier. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
}

/** Where encoders come from; see `ModelSource`. */
export interface EncoderSource {
  /** A folder in transformers' layout. */
  open(folder: string): Promise<ImageEncoder>;
  /** What of a definition decides the bytes `create` writes. */
  identify(definition: EncoderDefinition): Promise<Readonly<Record<string, unknown>>>;
  /** Writes a folder that `open` opens, its weights drawn as transformers draws them. */
  create(definition: EncoderDefinition, folder: string): Promise<void>;
}
