import { describe, expect, it } from 'vitest';
import { defineFunction, float32, tf } from '../index.ts';
import type { Tensor, Tensor4D } from '../index.ts';
import { trace } from '../recording/trace.ts';
import { isConst, pruneGraph, type Graph } from './graph.ts';
import { simplify } from './simplify.ts';

const INPUTS = { x: float32(2, 3, 4, 5), m: float32(6, 4), f: float32(1, 1, 5, 7) };
const simplified = (run: (inputs: Record<keyof typeof INPUTS, Tensor>) => Tensor | Tensor[]): Graph => {
  const definition = defineFunction(INPUTS, (inputs) => {
    const result = run(inputs);
    return Object.fromEntries((Array.isArray(result) ? result : [result]).map((y, i) => [`y${i}`, y]));
  });
  return pruneGraph(simplify(trace('f', definition).graph));
};
const ops = (graph: Graph): string[] => graph.nodes.filter((node) => !isConst(node)).map(({ op }) => op);

describe('simplify', () => {
  it('drops what changes nothing', () => {
    const graph = simplified(({ m }) => {
      const same = tf.transpose(tf.reshape(tf.cast(m, 'float32'), [6, 4]), [0, 1]);
      return tf.exp(tf.mul(tf.mul(same, 1), tf.ones([6, 4])));
    });
    expect(ops(graph)).toEqual(['Exp']);
  });

  it('keeps what changes shape, order or size', () => {
    const graph = simplified(({ m, f }) => [
      tf.mul(tf.scalar(1), tf.ones([2, 2])),
      tf.transpose(m),
      tf.mul(tf.reshape(tf.slice(f, 0, 1), [5, 7]), tf.ones([3, 1, 1])),
      tf.cast(m, 'int32'),
    ]);
    expect([...graph.outputs.values()].map(({ shape }) => shape)).toEqual([
      [2, 2],
      [4, 6],
      [3, 5, 7],
      [6, 4],
    ]);
    expect(
      ops(graph)
        .filter((op) => op === 'Transpose' || op === 'Cast' || op === 'Mul')
        .sort(),
    ).toEqual(['Cast', 'Mul', 'Transpose']);
  });

  it('joins reshapes', () => {
    const to = (...shapes: number[][]) =>
      simplified(({ m }) => shapes.reduce<Tensor>((y, shape) => tf.reshape(y, shape), tf.exp(m)));
    expect(ops(to([24], [2, 12], [3, 8]))).toEqual(['Exp', 'Reshape']);
    expect(ops(to([24], [6, 4]))).toEqual(['Exp']);
  });

  it('writes 1×1 convolutions and their gradients as matrix products, others as they are', () => {
    const conv = (x: Tensor, f: Tensor, stride = 1): Tensor =>
      tf.sum(tf.square(tf.conv2d(x as Tensor4D, f as Tensor4D, stride, 'same')));
    const both = ({ x, f }: { x: Tensor; f: Tensor }): Tensor[] =>
      tf.grads((a: Tensor, b: Tensor) => conv(a, b))([x, f]);
    const products = simplified(both).nodes.filter(({ op }) => op === 'BatchMatMulV2');
    expect(products.map(({ outputs }) => outputs[0]?.shape)).toEqual([
      [24, 7],
      [24, 5],
      [5, 7],
    ]);
    expect(ops(simplified(both)).some((op) => op.startsWith('Conv2D'))).toBe(false);
    expect(ops(simplified(({ x, f }) => conv(x, f, 2)))).toContain('Conv2D');
    expect(ops(simplified(({ x, f }) => conv(x, tf.tile(f, [3, 3, 1, 1]))))).toContain('Conv2D');
  });
});
