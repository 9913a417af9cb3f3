// Gradients that tfjs lacks (StridedSlice, Einsum, Tile above rank 4), gets wrong (BatchMatMul whose batch dimensions
// broadcast), or computes with an op XLA cannot compile (ResizeNearestNeighbor).
import type { GradConfig, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { EngineError } from '../errors.ts';
import type { RecordingBackend, TensorFlowJs } from '../tf.ts';
import { TF_DTYPES } from './binding.ts';
import { callSite } from './callSite.ts';

const ATTR = { int: 1, type: 4 } as const;

/** Sums over the axes along which `shape` was broadcast. */
function sumTo(tf: TensorFlowJs, gradient: Tensor, shape: number[]): Tensor {
  const added = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((size, i) =>
    size !== (i < added ? 1 : shape[i - added]) || i < added ? [i] : [],
  );
  return axes.length === 0 ? gradient : tf.reshape(tf.sum(gradient, axes), shape);
}

function batchMatMul(tf: TensorFlowJs): GradConfig {
  const { gradFunc, ...rest } = tf.getGradient('BatchMatMul');
  return {
    ...rest,
    gradFunc: (dy, saved, attrs) => {
      const [a, b] = saved as [Tensor, Tensor];
      const gradients = gradFunc(dy, saved, attrs);
      return {
        a: () => sumTo(tf, (gradients['a'] as () => Tensor)(), a.shape),
        b: () => sumTo(tf, (gradients['b'] as () => Tensor)(), b.shape),
      };
    },
  };
}

/** `[2n]` tiled from `[n]` is `[2, n]` summed over its first axis. */
const tile = (tf: TensorFlowJs): GradConfig => ({
  kernelName: 'Tile',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => {
    const repeats = attrs['reps'] as number[];
    return {
      x: () => {
        const shape = x?.shape ?? [];
        const split = shape.flatMap((size, i) => (repeats[i] === 1 ? [size] : [repeats[i] ?? 1, size]));
        const axes = repeats.flatMap((n, i) =>
          n === 1 ? [] : [i + repeats.slice(0, i).filter((m) => m !== 1).length],
        );
        return axes.length === 0 ? (dy as Tensor) : tf.sum(tf.reshape(dy as Tensor, split), axes);
      },
    };
  },
});

const MASKS = { beginMask: 'begin_mask', endMask: 'end_mask', ellipsisMask: 'ellipsis_mask' } as const;
const MORE_MASKS = { newAxisMask: 'new_axis_mask', shrinkAxisMask: 'shrink_axis_mask' } as const;

const stridedSlice = (tf: TensorFlowJs, backend: RecordingBackend): GradConfig => ({
  kernelName: 'StridedSlice',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({
    x: () => {
      const masks = Object.entries({ ...MASKS, ...MORE_MASKS }).map(([key, name]) => ({
        name,
        type: ATTR.int,
        value: attrs[key] as number,
      }));
      const types = ['T', 'Index'].map((name, i) => ({
        name,
        type: ATTR.type,
        value: TF_DTYPES[i === 0 ? 'float32' : 'int32'],
      }));
      const ranges = [x?.shape ?? [], ...['begin', 'end', 'strides'].map((key) => attrs[key] as number[])];
      const inputs = [...ranges.map((numbers) => tf.tensor1d(numbers, 'int32')), dy as Tensor];
      const [result] = backend.executeMultipleOutputs('StridedSliceGrad', [...types, ...masks], inputs, 1);
      if (result === undefined) throw new Error('StridedSliceGrad returned nothing');
      return result;
    },
  }),
});

/** The gradient of an operand is the same contraction with that operand and the result in each other's places. */
const einsum = (tf: TensorFlowJs): GradConfig => ({
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dy, operands, attrs) => {
    const [left = '', out = ''] = (attrs['equation'] as string).replaceAll(' ', '').split('->');
    const letters = left.split(',');
    const gradient = (at: number): Tensor => {
      const own = letters[at] ?? '';
      if (new Set(own).size !== own.length) {
        throw new EngineError('a letter stands twice in an operand: no gradient', {
          code: 'engine/not-traceable',
          where: `Einsum at ${callSite()}`,
          got: left,
        });
      }
      const others = operands.filter((_, i) => i !== at);
      const otherLetters = letters.filter((_, i) => i !== at);
      const known = [...own].filter((letter) =>
        [out, ...otherLetters].some((names) => names.includes(letter)),
      );
      const result = tf.einsum(
        `${[out, ...otherLetters].join()}->${known.join('')}`,
        dy as Tensor,
        ...others,
      );
      const shape = operands[at]?.shape ?? [];
      // A letter that only this operand has was summed away: its gradient is the same all along it.
      const expanded = tf.reshape(
        result,
        shape.map((size, i) => (known.includes(own[i] ?? '') ? size : 1)),
      );
      return tf.broadcastTo(expanded, shape);
    };
    // One entry an operand, by position: tfjs's tape knows the inputs of this kernel by their index.
    return operands.map((_, at) => () => gradient(at)) as unknown as ReturnType<GradConfig['gradFunc']>;
  },
});

/** Whole multiples: each pixel's gradient is the sum over the square it was copied to. */
function resizeNearestNeighbor(tf: TensorFlowJs): GradConfig {
  const { gradFunc, ...rest } = tf.getGradient('ResizeNearestNeighbor');
  return {
    ...rest,
    gradFunc: (dy, saved, attrs) => {
      const [, height = 1, width = 1] = (dy as Tensor).shape;
      const [batch = 1, fromHeight = 1, fromWidth = 1, channels = 1] = saved[0]?.shape ?? [];
      const [rows, columns] = [height / fromHeight, width / fromWidth];
      if (attrs['alignCorners'] === true || !Number.isInteger(rows) || !Number.isInteger(columns))
        return gradFunc(dy, saved, attrs);
      const squares = [batch, fromHeight, rows, fromWidth, columns, channels];
      return { images: () => tf.sum(tf.reshape(dy as Tensor, squares), [2, 4]) as Tensor4D };
    },
  };
}

export function registerGradients(tf: TensorFlowJs, backend: RecordingBackend): void {
  const gradients = [
    batchMatMul(tf),
    tile(tf),
    stridedSlice(tf, backend),
    einsum(tf),
    resizeNearestNeighbor(tf),
  ];
  gradients.forEach(tf.registerGradient);
}
