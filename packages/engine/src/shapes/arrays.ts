// Ops that reduce, rearrange, cut, join or make arrays. Shapes, axes and paddings are constants of the graph.
import { EngineError } from '../errors.ts';
import { elements, type GraphDType } from '../graph/graph.ts';
import { boolAttr, dim, input, intAttr, one, positiveAxis, stringAttr, typeAttr } from './rule.ts';
import type { OpCall, OutputSpec, ShapeRule } from './rule.ts';

function reduced(call: OpCall, dtype: GraphDType): readonly OutputSpec[] {
  const { shape } = input(call, 0);
  const axes = new Set(call.constant(1).map((axis) => positiveAxis(axis, shape.length)));
  const keepDims = boolAttr(call, 'keep_dims');
  return one(
    keepDims ? shape.map((n, i) => (axes.has(i) ? 1 : n)) : shape.filter((_, i) => !axes.has(i)),
    dtype,
  );
}
const reduction: ShapeRule = (call) => reduced(call, input(call, 0).dtype);
const logicalReduction: ShapeRule = (call) => reduced(call, 'bool');

const argExtreme: ShapeRule = (call) => {
  const { shape } = input(call, 0);
  const axis = positiveAxis(dim(call.constant(1), 0), shape.length);
  return one(
    shape.filter((_, i) => i !== axis),
    typeAttr(call, 'output_type', 'int64'),
  );
};

const reshape: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const wanted = call.constant(1);
  const known = elements(wanted.filter((n) => n !== -1));
  const result = wanted.map((n) => (n === -1 ? elements(shape) / known : n));
  if (elements(result) !== elements(shape)) {
    throw new EngineError('the number of elements changes', {
      code: 'engine/shapes',
      where: 'Reshape',
      got: `[${shape.join()}] to [${wanted.join()}]`,
    });
  }
  return one(result, dtype);
};

const concat: ShapeRule = (call) => {
  const parts = call.inputs.slice(0, -1);
  const { shape, dtype } = input(call, 0);
  const axis = positiveAxis(dim(call.constant(parts.length), 0), shape.length);
  const size = parts.reduce((sum, part) => sum + dim(part.shape, axis), 0);
  return one(
    shape.map((n, i) => (i === axis ? size : n)),
    dtype,
  );
};

const split: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const axis = positiveAxis(dim(call.constant(2), 0), shape.length);
  return call.constant(1).map((size) => ({ shape: shape.map((n, i) => (i === axis ? size : n)), dtype }));
};

const slice: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const begin = call.constant(1);
  return one(
    call.constant(2).map((size, i) => (size === -1 ? dim(shape, i) - dim(begin, i) : size)),
    dtype,
  );
};

/** Python slicing with masks; ellipsis and new-axis masks never reach here, tfjs resolves them before the kernel. */
const stridedSlice: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const [begins, ends, strides] = [call.constant(1), call.constant(2), call.constant(3)];
  const bit = (name: string, i: number): boolean => ((intAttr(call, name) >> i) & 1) === 1;
  if (intAttr(call, 'ellipsis_mask') !== 0 || intAttr(call, 'new_axis_mask') !== 0) {
    throw new EngineError('ellipsis and new-axis masks have no rule', {
      code: 'engine/not-traceable',
      where: 'StridedSlice',
      hint: 'use tf.slice',
    });
  }
  const result = shape.flatMap((size, i) => {
    if (i >= strides.length) return [size];
    if (bit('shrink_axis_mask', i)) return [];
    const stride = dim(strides, i);
    const clamp = (at: number): number => {
      const from = at < 0 ? at + size : at;
      return stride > 0 ? Math.min(Math.max(from, 0), size) : Math.min(Math.max(from, -1), size - 1);
    };
    const begin = bit('begin_mask', i) ? (stride > 0 ? 0 : size - 1) : clamp(dim(begins, i));
    const end = bit('end_mask', i) ? (stride > 0 ? size : -1) : clamp(dim(ends, i));
    return [Math.max(0, Math.ceil((end - begin) / stride))];
  });
  return one(result, dtype);
};

const pad: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const paddings = call.constant(1);
  return one(
    shape.map((n, i) => n + dim(paddings, 2 * i) + dim(paddings, 2 * i + 1)),
    dtype,
  );
};

const gather: ShapeRule = (call) => {
  const [params, indices] = [input(call, 0), input(call, 1)];
  const axis = positiveAxis(dim(call.constant(2), 0), params.shape.length);
  const batchDims = intAttr(call, 'batch_dims');
  const shape = [
    ...params.shape.slice(0, axis),
    ...indices.shape.slice(batchDims),
    ...params.shape.slice(axis + 1),
  ];
  return one(shape, params.dtype);
};

const unpack: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const axis = positiveAxis(intAttr(call, 'axis'), shape.length);
  const rest = shape.filter((_, i) => i !== axis);
  return Array.from({ length: dim(shape, axis) }, () => ({ shape: rest, dtype }));
};

export const ARRAYS: Readonly<Record<string, ShapeRule>> = {
  Sum: reduction,
  Mean: reduction,
  Max: reduction,
  Min: reduction,
  Prod: reduction,
  All: logicalReduction,
  Any: logicalReduction,
  ArgMax: argExtreme,
  ArgMin: argExtreme,
  Reshape: reshape,
  Transpose: (call) => {
    const { shape, dtype } = input(call, 0);
    return one(
      call.constant(1).map((axis) => dim(shape, axis)),
      dtype,
    );
  },
  ConcatV2: concat,
  SplitV: split,
  Slice: slice,
  StridedSlice: stridedSlice,
  StridedSliceGrad: (call) => one(call.constant(0), input(call, 4).dtype),
  PadV2: pad,
  MirrorPad: (call) => {
    if (stringAttr(call, 'mode') === '')
      throw new EngineError('no mode', { code: 'engine/not-traceable', where: 'MirrorPad' });
    return pad(call);
  },
  Tile: (call) => {
    const { shape, dtype } = input(call, 0);
    const multiples = call.constant(1);
    return one(
      shape.map((n, i) => n * dim(multiples, i)),
      dtype,
    );
  },
  ExpandDims: (call) => {
    const { shape, dtype } = input(call, 0);
    const axis = positiveAxis(dim(call.constant(1), 0), shape.length + 1);
    return one([...shape.slice(0, axis), 1, ...shape.slice(axis)], dtype);
  },
  Pack: (call) => {
    const { shape, dtype } = input(call, 0);
    const axis = positiveAxis(intAttr(call, 'axis'), shape.length + 1);
    return one([...shape.slice(0, axis), call.inputs.length, ...shape.slice(axis)], dtype);
  },
  Unpack: unpack,
  Fill: (call) => one(call.constant(0), input(call, 1).dtype),
  Range: (call) => {
    const [start, stop, step] = [call.constant(0), call.constant(1), call.constant(2)].map((at) =>
      dim(at, 0),
    );
    const size = Math.ceil(((stop ?? 0) - (start ?? 0)) / (step ?? 1));
    return one([Math.max(0, size)], input(call, 0).dtype);
  },
  LinSpace: (call) => one(call.constant(2), input(call, 0).dtype),
  OneHot: (call) => one([...input(call, 0).shape, dim(call.constant(1), 0)], input(call, 2).dtype),
  GatherV2: gather,
  GatherNd: (call) => {
    const [params, indices] = [input(call, 0), input(call, 1)];
    const depth = dim(indices.shape, indices.shape.length - 1);
    return one([...indices.shape.slice(0, -1), ...params.shape.slice(depth)], params.dtype);
  },
  ScatterNd: (call) => one(call.constant(2), input(call, 1).dtype),
  UnsortedSegmentSum: (call) => {
    const [data, ids] = [input(call, 0), input(call, 1)];
    return one([dim(call.constant(2), 0), ...data.shape.slice(ids.shape.length)], data.dtype);
  },
  DepthToSpace: (call) => {
    const { shape, dtype } = input(call, 0);
    const [block, channels] = [intAttr(call, 'block_size'), dim(shape, 3)];
    return one([dim(shape, 0), dim(shape, 1) * block, dim(shape, 2) * block, channels / block ** 2], dtype);
  },
  TopKV2: (call) => {
    const { shape, dtype } = input(call, 0);
    const top = [...shape.slice(0, -1), dim(call.constant(1), 0)];
    return [
      { shape: top, dtype },
      { shape: top, dtype: 'int32' },
    ];
  },
};
