// tfjs with the recording backend behind it. Everybody who writes tensor code imports `tf` from here, so that one
// copy of tfjs serves all; the native library is never loaded in this process.
import { createRequire } from 'node:module';
import type * as TfModule from '@tensorflow/tfjs';
// The build bundles these two: the package's own installer would fetch a TensorFlow of 2022.
import * as tfjsNode from '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js';
import '@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js';
import { recordingBinding, type TensorMetadata } from './recording/binding.ts';
import { registerGradients } from './recording/gradients.ts';
import { registerKernels } from './recording/kernels.ts';

const require = createRequire(import.meta.url);

// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
const util = require('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
util.isNullOrUndefined ??= (value) => value === null || value === undefined;

export type TensorFlowJs = typeof TfModule;
export const tf = require('@tensorflow/tfjs') as TensorFlowJs;
export type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs';

/** What the recorder needs of tfjs-node's backend: how a TensorFlow op's output becomes a tfjs tensor, and back. */
export interface RecordingBackend {
  createOutputTensor(metadata: TensorMetadata): TfModule.Tensor;
  getInputTensorIds(tensors: readonly TfModule.Tensor[]): number[];
  executeMultipleOutputs(
    op: string,
    attrs: object[],
    inputs: readonly TfModule.Tensor[],
    count: number,
  ): TfModule.Tensor[];
}

const { NodeJSKernelBackend } = tfjsNode as unknown as {
  NodeJSKernelBackend: new (
    binding: unknown,
    packageName: string,
  ) => TfModule.KernelBackend & RecordingBackend;
};
export const backend = new NodeJSKernelBackend(recordingBinding, '@likeness/engine');
// tfjs-node's kernels ask for the backend of this name.
tf.registerBackend('tensorflow', () => backend);
void tf.setBackend('tensorflow'); // at once, since the backend needs no preparation
if (tf.getBackend() !== 'tensorflow') throw new Error('tfjs did not accept the recording backend');
registerKernels(tf);
registerGradients(tf, backend);

/** Id of the value behind a tensor. */
export function valueId(tensor: TfModule.Tensor): number {
  const [id] = backend.getInputTensorIds([tensor]);
  if (id === undefined) throw new Error('a tensor has no id');
  return id;
}
