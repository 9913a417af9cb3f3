// LoRA and its relatives. Recipes name the plugin: `lora`, `lora+ppl`; files of adapters are read and attached here too.
export { lora } from './lora.ts';
export { LORA_FORMATS, loraOptions, type LoraFormat, type LoraOptions } from './options.ts';
export { adaptModel } from './trainable.ts';
export { attachAdapters, attachStored, type AttachedAdapters, type AttachOptions } from './attach.ts';
export type { BundledEmbedding } from './files/bundledEmbeddings.ts';
export { readAdapters, type AdapterFile, type PartValues, type StoredAdapter } from './files/readAdapters.ts';
export { openAdapters, adapterFilesAt } from './files/openAdapters.ts';
export { pretrainedModelOf } from './files/namedModel.ts';
export { writeAdapters, type WriteOptions } from './files/exportAdapters.ts';
export { checkConversion, convertAdapters, type ConvertOptions } from './files/convertAdapters.ts';
export { isRecordOf, mergeAdapters, subtractAdapters, type WeightedFile } from './weights/mergeAdapters.ts';
export type { RewriteOptions, Rewritten } from './weights/rewriteModel.ts';
export { readUndoRecord, undoPathOf, type UndoRecord } from './weights/undoRecord.ts';
export { joinAdapters, type Joined, type JoinOptions } from './weights/joinAdapters.ts';
export {
  extractAdapters,
  type Extracted,
  type ExtractOptions,
  type LeftOver,
} from './weights/extractAdapters.ts';
export { totalShare, type LayerShare } from './weights/lowRank.ts';
export type { WeightsDtype, WrittenAdapter } from './files/dialects.ts';
export { adaptableLayers, type AdaptableLayer, type ComponentName } from './layers.ts';
export { layersMeant, TARGET_PRESETS } from './targets.ts';
export { METHODS } from './options.ts';
export type { AdapterMethod, Parts } from './adapters/adapter.ts';
