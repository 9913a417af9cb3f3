// Ops whose output has the shape of their input, or of their inputs broadcast together.
import { broadcastShapes, input, one, typeAttr, type ShapeRule } from './rule.ts';

const like: ShapeRule = (call) => one(input(call, 0).shape, input(call, 0).dtype);
const predicate: ShapeRule = (call) => one(input(call, 0).shape, 'bool');

const broadcast: ShapeRule = (call) => {
  const [a, b] = [input(call, 0), input(call, 1)];
  return one(broadcastShapes(call.op, a.shape, b.shape), a.dtype);
};
const comparison: ShapeRule = (call) => {
  const [a, b] = [input(call, 0), input(call, 1)];
  return one(broadcastShapes(call.op, a.shape, b.shape), 'bool');
};

/** tfjs has broadcast condition and branches to one shape before. */
const select: ShapeRule = (call) => one(input(call, 1).shape, input(call, 1).dtype);

const all = (rule: ShapeRule, ...ops: string[]): Record<string, ShapeRule> =>
  Object.fromEntries(ops.map((op) => [op, rule]));

export const ELEMENTWISE: Readonly<Record<string, ShapeRule>> = {
  ...all(
    like,
    'Abs',
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'Ceil',
    'Cos',
    'Cosh',
    'Elu',
    'EluGrad',
  ),
  ...all(like, 'Erf', 'Exp', 'Expm1', 'Floor', 'LeakyRelu', 'Log', 'Log1p', 'LogicalNot', 'Neg'),
  ...all(
    like,
    'OnesLike',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Round',
    'Rsqrt',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
  ),
  ...all(like, 'Softmax', 'Softplus', 'Sqrt', 'Square', 'Tan', 'Tanh', 'ZerosLike', 'AddN'),
  ...all(like, 'Cumsum', 'Cumprod', 'ReverseV2', 'TensorScatterUpdate'),
  ...all(predicate, 'IsFinite', 'IsInf', 'IsNan'),
  ...all(broadcast, 'Add', 'Sub', 'Mul', 'RealDiv', 'FloorDiv', 'FloorMod', 'Maximum'),
  ...all(broadcast, 'Minimum', 'Pow', 'SquaredDifference', 'Atan2', 'LogicalAnd', 'LogicalOr'),
  ...all(comparison, 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'),
  Select: select,
  Cast: (call) => one(input(call, 0).shape, typeAttr(call, 'DstT', 'float32')),
};
