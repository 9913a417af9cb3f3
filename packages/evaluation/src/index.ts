// The public face of the evaluation: what a run is measured with, and what comes of it.
export type { EvaluationResult, Measures } from './result.ts';
export { loadImageEncoder } from './encoders/loadEncoder.ts';
export type { LoadEncoderOptions } from './encoders/loadEncoder.ts';
export { createEncoder, identifyEncoder } from './encoders/createEncoder.ts';
