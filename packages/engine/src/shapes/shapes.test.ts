// Every shape rule against the executed op: the engine's eager mode refuses an op whose outputs are not as traced.
// Then the same calls compiled by XLA, which must agree with the executed ops. One long list, so that one engine
// process and one compiled program serve all of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, defineFunction, EngineError, float32, int32, startEngine, tf } from '../index.ts';
import type { Engine, FunctionDefinition, Program, Tensor, Tensor1D, Tensor4D, TypedData } from '../index.ts';
import { isConst } from '../graph/graph.ts';
import { NOT_IN_XLA } from '../recording/recorder.ts';
import { trace } from '../recording/trace.ts';
import { SHAPE_RULES } from './index.ts';

/** Values in (0.1, 0.9), where every function below is defined; integers 0, 1, 2, 0, 1, … */
const INPUTS = {
  v: float32(6), //                 vector
  m: float32(4, 6), //              matrix
  m2: float32(6, 3),
  b: float32(2, 3, 4), //           batch of matrices
  b1: float32(1, 4, 5),
  p: float32(2, 6, 8, 4), //        picture
  f: float32(3, 3, 4, 5), //        filter
  d: float32(3, 3, 4, 2), //        depthwise filter
  r5: float32(1, 2, 1, 2, 3), //    rank 5
  i: int32(4),
  i2: int32(2, 2),
};
type Inputs = Record<keyof typeof INPUTS, Tensor>;
type Call = (inputs: Inputs) => Tensor | Tensor[];

const UNARY = [
  ...([
    'abs',
    'acos',
    'asin',
    'asinh',
    'atan',
    'atanh',
    'ceil',
    'cos',
    'cosh',
    'elu',
    'erf',
    'exp',
    'expm1',
  ] as const),
  ...([
    'floor',
    'leakyRelu',
    'log',
    'log1p',
    'neg',
    'onesLike',
    'reciprocal',
    'relu',
    'relu6',
    'round',
    'rsqrt',
  ] as const),
  ...([
    'selu',
    'sigmoid',
    'sign',
    'sin',
    'sinh',
    'softmax',
    'softplus',
    'sqrt',
    'square',
    'tan',
    'tanh',
  ] as const),
  ...(['zerosLike', 'isFinite', 'isInf', 'isNaN', 'logSoftmax', 'logSigmoid', 'step'] as const),
];
const BINARY = [
  ...([
    'add',
    'sub',
    'mul',
    'div',
    'floorDiv',
    'mod',
    'maximum',
    'minimum',
    'pow',
    'squaredDifference',
  ] as const),
  ...([
    'atan2',
    'greater',
    'greaterEqual',
    'less',
    'lessEqual',
    'equal',
    'notEqual',
    'divNoNan',
    'prelu',
  ] as const),
];
const REDUCTIONS = ['sum', 'mean', 'max', 'min', 'prod', 'logSumExp'] as const;

const picture = (x: Tensor): Tensor4D => x as Tensor4D;
const ids = (x: Tensor): Tensor1D => x as Tensor1D;
const gradOf = (f: (x: Tensor) => Tensor, x: Tensor): Tensor =>
  tf.grad((y: Tensor) => tf.sum(tf.square(f(y))))(x);

const CALLS: Readonly<Record<string, Call>> = {
  ...Object.fromEntries(UNARY.map((op) => [op, ({ b }: Inputs) => (tf[op] as (x: Tensor) => Tensor)(b)])),
  ...Object.fromEntries(
    BINARY.map((op) => [
      op,
      ({ b, b1 }: Inputs) =>
        (tf[op] as (x: Tensor, y: Tensor) => Tensor)(b, tf.slice(b1, [0, 0, 0], [1, 1, 4])),
    ]),
  ),
  ...Object.fromEntries(
    REDUCTIONS.flatMap((op): [string, Call][] => [
      [`${op} over all`, ({ b }) => tf[op](b)],
      [`${op} over the last`, ({ b }) => tf[op](b, -1)],
      [`${op} kept`, ({ b }) => tf[op](b, [0, 2], true)],
    ]),
  ),
  acosh: ({ b }) => tf.acosh(tf.add(b, 1)),
  'gradient of elu': ({ b }) => gradOf(tf.elu, tf.sub(b, 0.5)),
  clipByValue: ({ b }) => tf.clipByValue(b, 0.3, 0.6),
  logicalAnd: ({ b }) => tf.logicalAnd(tf.greater(b, 0.3), tf.less(b, 0.6)),
  logicalOr: ({ b }) => tf.logicalOr(tf.greater(b, 0.6), tf.less(b, 0.3)),
  logicalNot: ({ b }) => tf.logicalNot(tf.greater(b, 0.6)),
  all: ({ b }) => tf.all(tf.greater(b, 0.3), 1),
  any: ({ b }) => tf.any(tf.greater(b, 0.3), [0, 1], true),
  where: ({ b }) => tf.where(tf.greater(b, 0.5), b, tf.zerosLike(b)),
  addN: ({ b }) => tf.addN([b, b, b]),
  cumsum: ({ b }) => tf.cumsum(b, 1, true, true),
  cumprod: ({ b }) => tf.cumprod(b, 1),
  reverse: ({ b }) => tf.reverse(b, [0, 2]),
  cast: ({ b }) => [tf.cast(tf.mul(b, 9), 'int32'), tf.cast(b, 'bool')],
  argMax: ({ b }) => tf.argMax(b, 1),
  argMin: ({ b }) => tf.argMin(b, -1),
  reshape: ({ b }) => tf.reshape(b, [4, -1]),
  expandDims: ({ b }) => [tf.expandDims(b, 1), tf.expandDims(b, -1)],
  squeeze: ({ b1 }) => tf.squeeze(b1),
  transpose: ({ p }) => tf.transpose(p, [0, 3, 1, 2]),
  concat: ({ b }) => [tf.concat([b, b], 0), tf.concat([b, b, b], -1)],
  stack: ({ b }) => [tf.stack([b, b]), tf.stack([b, b], 2)],
  unstack: ({ b }) => tf.unstack(b, 1),
  split: ({ m }) => [...tf.split(m, 2, 1), ...tf.split(m, [1, 3])],
  slice: ({ b }) => tf.slice(b, [0, 1, 1], [1, 2, -1]),
  'gradient of slice': ({ b }) => gradOf((x) => tf.slice(x, [0, 1, 1], [1, 2, 2]), b),
  stridedSlice: ({ b }) => [
    tf.stridedSlice(b, [0, 0, 0], [2, 3, 4], [1, 2, 3]),
    tf.stridedSlice(b, [-1, 2, 3], [0, -4, -5], [1, -1, -2], 0b100, 0b001),
    tf.stridedSlice(b, [1, 1], [2, 3], [1, 1], 0, 0, 0, 0, 0b01),
  ],
  'gradient of stridedSlice': ({ b }) =>
    gradOf((x) => tf.stridedSlice(x, [1, 0, 3], [2, 3, 0], [1, 2, -2], 0, 0, 0, 0, 1), b),
  pad: ({ b }) =>
    tf.pad(
      b,
      [
        [0, 0],
        [1, 2],
        [3, 0],
      ],
      0.5,
    ),
  mirrorPad: ({ b }) => [
    tf.mirrorPad(
      b,
      [
        [0, 0],
        [1, 1],
        [2, 0],
      ],
      'reflect',
    ),
    tf.mirrorPad(
      b,
      [
        [0, 0],
        [1, 1],
        [2, 0],
      ],
      'symmetric',
    ),
  ],
  tile: ({ b }) => tf.tile(b, [2, 1, 3]),
  'gradient of tile': ({ b, r5 }) => [
    gradOf((x) => tf.tile(x, [2, 1, 3]), b),
    gradOf((x) => tf.tile(x, [2, 1, 3, 1, 2]), r5),
  ],
  broadcastTo: ({ v }) => tf.broadcastTo(v, [4, 6]),
  fill: () => [tf.fill([2, 3], 7), tf.ones([3]), tf.zeros([2, 2])],
  range: () => [tf.range(0, 5, 2), tf.linspace(0, 1, 5)],
  linspace: ({ v }) => tf.add(tf.linspace(0, 1, 6), v),
  oneHot: ({ i }) => tf.oneHot(ids(i), 3),
  gather: ({ m, b, i, i2 }) => [
    tf.gather(m, ids(i)),
    tf.gather(b, ids(i), 1),
    tf.gather(m, i2 as Tensor1D, 1),
  ],
  'gather by batch': ({ m, i2 }) => tf.gather(tf.slice(m, [0, 0], [2, 6]), i2 as Tensor1D, 1, 1),
  'gradient of gather': ({ m, b, i }) => [
    gradOf((x) => tf.gather(x, ids(i)), m),
    gradOf((x) => tf.gather(x, ids(i), 1), b),
  ],
  gatherND: ({ m, i2 }) => tf.gatherND(m, i2),
  scatterND: ({ m, i }) => tf.scatterND(tf.expandDims(i, 1), m, [5, 6]),
  tensorScatterUpdate: ({ v }) => tf.tensorScatterUpdate(v, [[1], [4]], [0.5, 0.25]),
  unsortedSegmentSum: ({ m, i }) => tf.unsortedSegmentSum(m, ids(i), 3),
  topk: ({ m }) => Object.values(tf.topk(m, 2)),
  depthToSpace: ({ p }) => tf.depthToSpace(picture(p), 2),
  matMul: ({ m, m2, b, b1 }) => [tf.matMul(m, m2), tf.matMul(m2, m, true, true), tf.matMul(b, b1)],
  'gradient of matMul': ({ m, m2, b, b1 }) => [
    gradOf((x) => tf.matMul(x, m2), m),
    gradOf((x) => tf.matMul(b, x), b1),
    gradOf((x) => tf.matMul(x, tf.tile(b1, [6, 1, 1])), tf.slice(b, [0, 0, 0], [1, 3, 4])),
  ],
  'matMul with a common matrix': ({ b, m }) => tf.matMul(b, tf.broadcastTo(m, [2, 4, 6])),
  einsum: ({ b, b1 }) => [tf.einsum('bij,cjk->bcik', b, b1), tf.einsum('bij->bj', b)],
  'gradient of einsum': ({ b, b1 }) => [
    gradOf((x) => tf.einsum('bij,cjk->bik', x, b1), b),
    gradOf((x) => tf.einsum('bij,cjk->bik', b, x), b1),
    gradOf((x) => tf.einsum('bij->bj', x), b),
  ],
  conv2d: ({ p, f }) => [
    tf.conv2d(picture(p), picture(f), 1, 'same'),
    tf.conv2d(picture(p), picture(f), 2, 'valid'),
    tf.conv2d(picture(p), picture(f), 2, [
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 0],
    ]),
    tf.conv2d(picture(p), picture(f), 1, 'same', 'NHWC', 2),
  ],
  'gradient of conv2d': ({ p, f }) => [
    gradOf((x) => tf.conv2d(picture(x), picture(f), 2, 'same'), p),
    gradOf((x) => tf.conv2d(picture(p), picture(x), 2, 'valid'), f),
  ],
  'conv2d of single pixels': ({ p, f }) => {
    const pixel = tf.slice(f, 0, [1, 1, 4, 5]);
    return [
      tf.conv2d(picture(p), picture(pixel), 1, 'same'),
      ...tf.grads((x: Tensor, y: Tensor) => tf.sum(tf.square(tf.conv2d(picture(x), picture(y), 1, 'valid'))))(
        [p, pixel],
      ),
    ];
  },
  depthwiseConv2d: ({ p, d }) => tf.depthwiseConv2d(picture(p), picture(d), 2, 'same'),
  'gradient of depthwiseConv2d': ({ p, d }) => [
    gradOf((x) => tf.depthwiseConv2d(picture(x), picture(d), 1, 'same'), p),
    gradOf((x) => tf.depthwiseConv2d(picture(p), picture(x), 1, 'valid'), d),
  ],
  conv2dTranspose: ({ p, f }) =>
    tf.conv2dTranspose(
      picture(p),
      tf.transpose(picture(f), [0, 1, 3, 2]) as Tensor4D,
      [2, 12, 16, 5],
      2,
      'same',
    ),
  avgPool: ({ p }) => [tf.avgPool(picture(p), 2, 2, 'valid'), tf.avgPool(picture(p), 3, 2, 'same')],
  maxPool: ({ p }) => [tf.maxPool(picture(p), 2, 2, 'valid'), tf.maxPool(picture(p), 3, 2, 'same')],
  'gradient of avgPool': ({ p }) => gradOf((x) => tf.avgPool(picture(x), 2, 2, 'valid'), p),
  'gradient of maxPool': ({ p }) => gradOf((x) => tf.maxPool(picture(x), 3, 2, 'same'), p),
  resizeBilinear: ({ p }) => [
    tf.image.resizeBilinear(picture(p), [9, 5]),
    tf.image.resizeBilinear(picture(p), [3, 4], true),
  ],
  'gradient of resizeBilinear': ({ p }) => gradOf((x) => tf.image.resizeBilinear(picture(x), [9, 5]), p),
  resizeNearestNeighbor: ({ p }) => tf.image.resizeNearestNeighbor(picture(p), [12, 16]),
  'gradient of resizeNearestNeighbor': ({ p }) =>
    gradOf((x) => tf.image.resizeNearestNeighbor(picture(x), [12, 24]), p),
  'gradient of resizeNearestNeighbor by a fraction': ({ p }) =>
    gradOf((x) => tf.image.resizeNearestNeighbor(picture(x), [9, 9]), p),
  'softmax cross entropy': ({ m }) => gradOf((x) => tf.losses.softmaxCrossEntropy(tf.softmax(m), x), m),
};

const list = (result: Tensor | Tensor[]): Tensor[] => (Array.isArray(result) ? result : [result]);
const definition = (call: Call): FunctionDefinition =>
  defineFunction(INPUTS, (inputs) =>
    Object.fromEntries(list(call(inputs)).map((tensor, i) => [`out${i}`, tensor])),
  );
const opsOf = (call: Call): string[] =>
  trace('op', definition(call))
    .graph.nodes.filter((n) => !isConst(n))
    .map(({ op }) => op);

const feeds: Record<string, TypedData> = Object.fromEntries(
  Object.entries(INPUTS).map(([name, { shape, dtype }]) => {
    const size = shape.reduce((a, n) => a * n, 1);
    const values = Array.from({ length: size }, (_, i) =>
      dtype === 'int32' ? i % 3 : 0.5 + 0.4 * Math.sin(i * 1.7 + name.length),
    );
    return [name, dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values)];
  }),
);

let engine: Engine;
let executed: Program;
beforeAll(async () => {
  engine = await startEngine({ threads: 2 });
  const definitions = Object.fromEntries(
    Object.entries(CALLS).map(([name, call]) => [name, definition(call)]),
  );
  executed = await compile(definitions, { engine, mode: 'eager' });
});
afterAll(() => engine.close());

it('has a call for every rule, and a rule only for ops that a call reaches', () => {
  const reached = new Set(Object.values(CALLS).flatMap(opsOf));
  expect(Object.keys(SHAPE_RULES).filter((op) => !reached.has(op))).toEqual([]);
});

describe('executed as traced', () => {
  it.each(Object.keys(CALLS))('%s', async (name) => {
    const outputs = await executed.run(name, feeds);
    for (const values of Object.values(outputs)) expect(values.length).toBeGreaterThan(0);
  });
});

describe('compiled by XLA to the same values', () => {
  const inXla = Object.entries(CALLS).filter(([, call]) =>
    opsOf(call).every((op) => NOT_IN_XLA[op] === undefined),
  );
  let compiled: Program;
  beforeAll(async () => {
    const definitions = Object.fromEntries(inXla.map(([name, call]) => [name, definition(call)]));
    compiled = await compile(definitions, { engine, mode: 'xla' });
  });

  it.each(inXla.map(([name]) => name))('%s', async (name) => {
    const [expected, got] = [await executed.run(name, feeds), await compiled.run(name, feeds)];
    expect(Object.keys(got)).toEqual(Object.keys(expected));
    for (const [key, values] of Object.entries(expected)) {
      const other = got[key];
      expect(other?.length).toBe(values.length);
      // A few units in the last place: other polynomials for the same functions, other orders of sums.
      values.forEach((x, i) => {
        if (Number.isFinite(x))
          expect(Math.abs((other?.[i] ?? NaN) - x)).toBeLessThan(2e-5 * Math.max(1, Math.abs(x)));
        else expect(other?.[i]).toBe(x);
      });
    }
  });

  it.each(Object.keys(NOT_IN_XLA))('%s is refused with a substitute', async (op) => {
    const [, call] = Object.entries(CALLS).find(([, candidate]) => opsOf(candidate).includes(op)) ?? [];
    expect(call).toBeDefined();
    if (call === undefined) return;
    const refused = compile({ call: definition(call) }, { engine, mode: 'xla' });
    await expect(refused).rejects.toThrow(EngineError);
    await expect(refused).rejects.toThrow(new RegExp(`XLA cannot compile the op ${op}`));
  });
});

describe('gradients tfjs lacks or gets wrong', () => {
  /** Slope of the sum along one input element, by central differences of the executed function. */
  const cases: Readonly<
    Record<string, { input: keyof typeof INPUTS; f: (x: Tensor, all: Inputs) => Tensor }>
  > = {
    stridedSlice: { input: 'b', f: (x) => tf.stridedSlice(x, [1, 0, 3], [2, 3, 0], [1, 2, -2]) },
    'einsum, left': { input: 'b', f: (x, { b1 }) => tf.einsum('bij,cjk->bik', x, b1) },
    'einsum, right': { input: 'b1', f: (x, { b }) => tf.einsum('bij,cjk->bik', b, x) },
    'einsum of one': { input: 'b', f: (x) => tf.einsum('bij->bj', x) },
    'matMul, broadcast': { input: 'b1', f: (x, { b }) => tf.matMul(b, x) },
    'tile of rank 5': { input: 'r5', f: (x) => tf.tile(x, [2, 1, 3, 1, 2]) },
    gather: { input: 'b', f: (x, { i }) => tf.gather(x, ids(i), 1) },
    'conv2d of single pixels': {
      input: 'f',
      f: (x, { p }) => tf.conv2d(picture(p), picture(tf.slice(x, 0, [1, 1, 4, 5])), 1, 'same'),
    },
    resizeNearestNeighbor: { input: 'p', f: (x) => tf.image.resizeNearestNeighbor(picture(x), [12, 24]) },
  };

  it.each(Object.entries(cases))('%s', async (_, { input, f }) => {
    const loss = (x: Tensor, all: Inputs): Tensor => {
      const y = f(x, all);
      const weights = tf.add(tf.sin(tf.reshape(tf.range(0, y.size), y.shape)), 1.5);
      return tf.sum(tf.mul(tf.square(y), weights));
    };
    const program = await compile(
      {
        loss: defineFunction(INPUTS, (all) => ({ loss: loss(all[input], all) })),
        gradient: defineFunction(INPUTS, (all) => ({ g: tf.grad((x: Tensor) => loss(x, all))(all[input]) })),
      },
      { engine, mode: 'eager' },
    );
    const gradient = (await program.run('gradient', feeds))['g'] ?? new Float32Array();
    const values = feeds[input] ?? new Float32Array();
    for (let at = 0; at < values.length; at += Math.ceil(values.length / 5)) {
      const moved = async (by: number): Promise<number> => {
        const changed = Float32Array.from(values, (x, i) => (i === at ? x + by : x));
        return (await program.run('loss', { ...feeds, [input]: changed }))['loss']?.[0] ?? NaN;
      };
      const slope = ((await moved(0.05)) - (await moved(-0.05))) / 0.1;
      // The loss is quadratic, so the difference is exact but for float32's seven digits of a loss of some hundreds.
      expect(Math.abs((gradient[at] ?? NaN) - slope)).toBeLessThan(0.02 * Math.max(1, Math.abs(slope)));
    }
    await program.dispose();
  });
});
