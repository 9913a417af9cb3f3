// Kernels that replace tfjs-node's, which read values while tracing.
import type { KernelConfig, Tensor } from '@tensorflow/tfjs';
import type { RecordingBackend, TensorFlowJs } from '../tf.ts';
import { TF_DTYPES } from './binding.ts';

const ATTR = { int: 1, type: 4 } as const;

/**
 * tf.gather without the check of the indices' range, whose values nobody has here. An index out of range is an error
 * of TensorFlow's in `graph` and `eager`; XLA clamps it.
 */
function gather(tf: TensorFlowJs): KernelConfig {
  return {
    kernelName: 'GatherV2',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { x, indices } = inputs as unknown as Record<'x' | 'indices', Tensor>;
      const { axis, batchDims } = attrs as unknown as Record<'axis' | 'batchDims', number>;
      const [result] = (backend as RecordingBackend).executeMultipleOutputs(
        'GatherV2',
        [
          { name: 'batch_dims', type: ATTR.int, value: batchDims },
          { name: 'Tparams', type: ATTR.type, value: TF_DTYPES[x.dtype as 'float32'] },
          { name: 'Tindices', type: ATTR.type, value: TF_DTYPES.int32 },
          { name: 'Taxis', type: ATTR.type, value: TF_DTYPES.int32 },
        ],
        [x, indices, tf.scalar(axis, 'int32')],
        1,
      );
      if (result === undefined) throw new Error('GatherV2 returned nothing');
      return result;
    },
  };
}

export function registerKernels(tf: TensorFlowJs): void {
  const kernel = gather(tf);
  tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  tf.registerKernel(kernel);
}
