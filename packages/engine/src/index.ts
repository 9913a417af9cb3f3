// Public face of the engine. TensorFlow in Node: record a step, compile it, run it in a process of its own.
export { compile, resolveMode } from './compile.ts';
export type { CompileOptions, Mode } from './compile.ts';
export { defaultThreads, Engine, startEngine } from './engineProcess.ts';
export type { EngineOptions, OnProgress } from './engineProcess.ts';
export type { EngineInfo, EngineStats, FileLayout, LoadFromFile, SaveToFile } from './child/protocol.ts';
export { Program } from './program.ts';
export type { OnCompile, ProgramFacts, ProgramIdentity, ResolvedMode } from './program.ts';
export {
  checkpointed,
  defineFunction,
  float32,
  int32,
  largestValueBytes,
  traceShapes,
} from './recording/trace.ts';
export type { FunctionDefinition } from './recording/trace.ts';
export { gatherRows, stopGradient } from './recording/ops.ts';
export type { DType, TensorSpec, TypedData } from './graph/graph.ts';
export { adam, adamW, type AdamOptions } from './optimizer/adam.ts';
export { clipFactor, globalNorm } from './optimizer/optimizer.ts';
export type { Optimizer, OptimizerGroup, StepScalars } from './optimizer/optimizer.ts';
export { sgd, type SgdOptions } from './optimizer/sgd.ts';
export { tf } from './tf.ts';
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from './tf.ts';
export { createVariable, variableInfo } from './variables.ts';
export type { VariableInfo, VariableOptions } from './variables.ts';
export * from './safetensors/index.ts';
export * from './random/index.ts';
export { cacheDir, ensureTensorFlow, findAllocator, tensorFlowStatus } from './install/index.ts';
export type { InstallProgress, TensorFlowInstall } from './install/index.ts';
export {
  flushFolder,
  flushTree,
  makeFolder,
  renameDurably,
  UNFINISHED,
  unfinishedName,
  writeFileWhole,
} from './files/durable.ts';
export { lockHolder, tryLock, waitForLock } from './files/processLock.ts';
export type { LockHolder, LockWait, ProcessLock } from './files/processLock.ts';
export {
  ConfigError,
  DataError,
  EngineError,
  FileError,
  LikenessError,
  PluginError,
  ShapeError,
  WeightsError,
} from './errors.ts';
export type { ErrorParts, Warning } from './errors.ts';
export { asFileError, isFileSystemError, parseJson, readJsonFile, withFileErrors } from './fileErrors.ts';
