// Ops that tfjs lacks, or whose tfjs kernels read values while tracing. Each has a gradient.
import { tf, backend, type Tensor, type Tensor1D } from '../tf.ts';
import { TF_DTYPES } from './binding.ts';

const ATTR_TYPE = 4;

/**
 * Rows of a table: `gatherRows([N, D], ids […])` → `[…, D]`; the gradient adds each row's gradients up.
 * tf.gather would read the ids to check their range.
 */
export function gatherRows(table: Tensor, ids: Tensor): Tensor {
  const [rows = 0, width = 1] = table.shape;
  const flatIds = tf.reshape(ids, [-1]) as Tensor1D;
  const lookUp = tf.customGrad((...args: unknown[]) => {
    const [t, save] = args as [Tensor, (saved: Tensor[]) => void];
    save([flatIds]);
    const axis = tf.scalar(0, 'int32');
    const [value] = backend.executeMultipleOutputs(
      'GatherV2',
      [
        { name: 'Tparams', type: ATTR_TYPE, value: TF_DTYPES.float32 },
        { name: 'Tindices', type: ATTR_TYPE, value: TF_DTYPES.int32 },
        { name: 'Taxis', type: ATTR_TYPE, value: TF_DTYPES.int32 },
      ],
      [t, flatIds, axis],
      1,
    );
    if (value === undefined) throw new Error('GatherV2 returned nothing');
    return {
      value,
      gradFunc: (dy: Tensor, [ids]: Tensor[]) => tf.unsortedSegmentSum(tf.reshape(dy, [-1, width]), ids as Tensor1D, rows),
    };
  });
  return tf.reshape(lookUp(table), [...ids.shape, width]);
}
