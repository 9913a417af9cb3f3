export { openDiffusersFolder } from './diffusersFolder.ts';
export type { DiffusersFolderOptions } from './diffusersFolder.ts';
export { floatDtype, planDiffusersFolder, writePlannedFiles } from './diffusersPlan.ts';
export type {
  ComponentToSave,
  DiffusersFolderPlan,
  DiffusersPlanOptions,
  WeightsDtype,
} from './diffusersPlan.ts';
export { componentFingerprint, modelFingerprint } from './fingerprint.ts';
export { isHubId } from './hub.ts';
export type { HubOptions, HubProgress } from './hub.ts';
export { detectTextLayout } from './ldmConfig.ts';
export type { LdmModelConfigs } from './ldmConfig.ts';
export { openLdmFile, writeLdmFile } from './ldmFile.ts';
export type { LdmFileOptions, LdmTensor, LdmWriteOptions } from './ldmFile.ts';
export { ldmKeyMap } from './ldmKeyMap.ts';
export type { ComponentKey, LdmConfigs, LdmKeyMap, TextLayout } from './ldmKeyMap.ts';
export { matchKeys } from './matchKeys.ts';
export { componentsOf } from './modelFiles.ts';
export type { ComponentFiles, ComponentName, ModelFiles, TokenizerSource } from './modelFiles.ts';
export { openModel } from './openModel.ts';
export { chooseWeightFiles, weightFileName } from './weightFiles.ts';
export type { OpenModelOptions } from './openModel.ts';
