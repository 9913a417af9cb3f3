export { createTokenizer, loadTokenizer } from './clipTokenizer.ts';
export type { ClipTokenizer } from './clipTokenizer.ts';
export { readTokenizerFiles } from './tokenizerFiles.ts';
export type { AddedToken, TokenizerDefinition, TokenizerSettings } from './tokenizerFiles.ts';
