// Textual Inversion. Recipes name it: `textual-inversion`. Files with learned vectors are read and attached here too.
export { textualInversion } from './textualInversion.ts';
export { textualInversionOptions, type TextualInversionOptions } from './options.ts';
export { attachEmbedding, attachVectors, EMBEDDING_FILE, type AttachedEmbedding } from './attachEmbedding.ts';
export { readEmbedding, type LearnedEmbedding, type ReadEmbeddingOptions } from './readEmbedding.ts';
export {
  EMBEDDING_FORMATS,
  writeEmbedding,
  type EmbeddingFormat,
  type WriteEmbeddingOptions,
} from './writeEmbedding.ts';
export { OBJECT_TEMPLATES, STYLE_TEMPLATES } from './templates.ts';
