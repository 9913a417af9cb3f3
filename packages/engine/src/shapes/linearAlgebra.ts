// Matrix products, convolutions, pooling, resizing. Pictures are NHWC, filters HWIO.
import { EngineError } from '../errors.ts';
import { boolAttr, broadcastShapes, dim, input, intsAttr, one, stringAttr } from './rule.ts';
import type { OpCall, ShapeRule } from './rule.ts';

const batchMatMul: ShapeRule = (call) => {
  const [a, b] = [input(call, 0).shape, input(call, 1).shape];
  const [rows, inner] = boolAttr(call, 'adj_x') ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)];
  const [innerB, columns] = boolAttr(call, 'adj_y') ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
  if (inner !== innerB || rows === undefined || columns === undefined) {
    throw new EngineError('inner dimensions differ', {
      code: 'engine/shapes',
      where: call.op,
      got: `[${a.join()}] and [${b.join()}]`,
    });
  }
  return one(
    [...broadcastShapes(call.op, a.slice(0, -2), b.slice(0, -2)), rows, columns],
    input(call, 0).dtype,
  );
};

/** Output size of a sliding window along axis 1 (height) or 2 (width). */
function windowed(call: OpCall, axis: 1 | 2, size: number, window: number): number {
  const stride = dim(intsAttr(call, 'strides'), axis);
  const dilation = intsAttr(call, 'dilations').at(axis) ?? 1;
  const reach = (window - 1) * dilation + 1;
  switch (stringAttr(call, 'padding')) {
    case 'SAME':
      return Math.ceil(size / stride);
    case 'EXPLICIT': {
      const paddings = intsAttr(call, 'explicit_paddings');
      return Math.floor((size + dim(paddings, 2 * axis) + dim(paddings, 2 * axis + 1) - reach) / stride) + 1;
    }
    default:
      return Math.ceil((size - reach + 1) / stride);
  }
}

const conv2d: ShapeRule = (call) => {
  if (stringAttr(call, 'data_format') === 'NCHW') {
    throw new EngineError('only NHWC has a rule', {
      code: 'engine/not-traceable',
      where: call.op,
      hint: 'keep pictures as [batch, height, width, channels]',
    });
  }
  const [x, filter] = [input(call, 0), input(call, 1)];
  const [batch, height, width, channels] = [0, 1, 2, 3].map((i) => dim(x.shape, i)) as [
    number,
    number,
    number,
    number,
  ];
  if (channels !== dim(filter.shape, 2)) {
    throw new EngineError('channels differ', {
      code: 'engine/shapes',
      where: call.op,
      got: `picture [${x.shape.join()}], filter [${filter.shape.join()}]`,
    });
  }
  const depthwise = call.op === 'DepthwiseConv2dNative';
  const outChannels = depthwise ? channels * dim(filter.shape, 3) : dim(filter.shape, 3);
  const [windowHeight, windowWidth] = [dim(filter.shape, 0), dim(filter.shape, 1)];
  return one(
    [batch, windowed(call, 1, height, windowHeight), windowed(call, 2, width, windowWidth), outChannels],
    x.dtype,
  );
};

const pool: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const window = intsAttr(call, 'ksize');
  const height = windowed(call, 1, dim(shape, 1), dim(window, 1));
  const width = windowed(call, 2, dim(shape, 2), dim(window, 2));
  return one([dim(shape, 0), height, width, dim(shape, 3)], dtype);
};

const resize: ShapeRule = (call) => {
  const { shape, dtype } = input(call, 0);
  const [height, width] = call.constant(1);
  const outType = call.op === 'ResizeBilinear' ? 'float32' : dtype;
  return one([dim(shape, 0), height ?? 1, width ?? 1, dim(shape, 3)], outType);
};

/** `ij,jk->ik`: every letter's size is that of the operand it stands in. Ellipses have no rule. */
const einsum: ShapeRule = (call) => {
  const [left = '', right = ''] = stringAttr(call, 'equation').replaceAll(' ', '').split('->');
  if (left.includes('.'))
    throw new EngineError('ellipses have no rule', {
      code: 'engine/not-traceable',
      where: 'Einsum',
      got: left,
    });
  const sizes = new Map<string, number>();
  left.split(',').forEach((letters, operand) => {
    [...letters].forEach((letter, i) => sizes.set(letter, dim(input(call, operand).shape, i)));
  });
  return one(
    [...right].map((letter) => sizes.get(letter) ?? 1),
    input(call, 0).dtype,
  );
};

export const LINEAR_ALGEBRA: Readonly<Record<string, ShapeRule>> = {
  BatchMatMulV2: batchMatMul,
  Einsum: einsum,
  Conv2D: conv2d,
  DepthwiseConv2dNative: conv2d,
  Conv2DBackpropInput: (call) => one(call.constant(0), input(call, 2).dtype),
  Conv2DBackpropFilter: (call) => one(call.constant(1), input(call, 2).dtype),
  DepthwiseConv2dNativeBackpropInput: (call) => one(call.constant(0), input(call, 2).dtype),
  DepthwiseConv2dNativeBackpropFilter: (call) => one(call.constant(1), input(call, 2).dtype),
  AvgPool: pool,
  MaxPool: pool,
  AvgPoolGrad: (call) => one(call.constant(0), input(call, 1).dtype),
  MaxPoolGrad: (call) => one(input(call, 0).shape, input(call, 0).dtype),
  ResizeBilinear: resize,
  ResizeNearestNeighbor: resize,
  ResizeBilinearGrad: (call) => one(input(call, 1).shape, input(call, 1).dtype),
  ResizeNearestNeighborGrad: (call) => {
    const { shape, dtype } = input(call, 0);
    const [height, width] = call.constant(1);
    return one([dim(shape, 0), height ?? 1, width ?? 1, dim(shape, 3)], dtype);
  },
};
