export { findAllocator } from './allocator.ts';
export { cacheDir } from './cacheDir.ts';
export {
  ensureTensorFlow,
  type EnsureTensorFlowOptions,
  type TensorFlowInstall,
} from './ensureTensorFlow.ts';
export { TENSORFLOW_VERSION, type TensorFlowVariant } from './lock.ts';
export type { InstallProgress, InstallStep, OnInstallProgress } from './progress.ts';
export { tensorFlowStatus, type TensorFlowStatus } from './tensorFlowStatus.ts';
