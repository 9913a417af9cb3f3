import { expect, it } from 'vitest';
import { defineFunction, float32, tf, type Tensor2D } from '../index.ts';
import { trace } from '../recording/trace.ts';
import { toMixedPrecision } from './mixedPrecision.ts';

it('computes products in bfloat16, casts each operand once, and keeps everything else', () => {
  const f = defineFunction({ x: float32(2, 2), y: float32(2, 2) }, ({ x, y }) => ({
    z: tf.softmax(tf.add(tf.matMul(x as Tensor2D, y as Tensor2D), tf.matMul(y as Tensor2D, x as Tensor2D))),
  }));
  const graph = toMixedPrecision(trace('f', f).graph);
  const products = graph.nodes.filter(({ op }) => op === 'BatchMatMulV2');
  expect(
    products.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].map(({ dtype }) => dtype)),
  ).toEqual(Array.from({ length: 6 }, () => 'bfloat16'));
  const casts = graph.nodes
    .filter(({ op }) => op === 'Cast')
    .map(({ inputs, outputs }) => [inputs[0]?.dtype, outputs[0]?.dtype]);
  expect(casts.filter(([from]) => from === 'float32')).toHaveLength(2);
  expect(casts.filter(([from]) => from === 'bfloat16')).toHaveLength(2);
  const others = graph.nodes.filter(({ op }) => op === 'Add' || op === 'Softmax');
  expect(
    others.every(({ inputs, outputs }) => [...inputs, ...outputs].every(({ dtype }) => dtype === 'float32')),
  ).toBe(true);
});
