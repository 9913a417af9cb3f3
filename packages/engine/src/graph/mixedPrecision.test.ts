import { expect, it } from 'vitest';
import { checkpointed, defineFunction, float32, tf, type Tensor2D } from '../index.ts';
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

it('casts what several checkpointing blocks use in each of them', () => {
  const f = defineFunction({ x: float32(2, 2), w: float32(2, 2) }, ({ x, w }) => {
    const product = (a: Tensor2D): Tensor2D => checkpointed(() => tf.matMul(a, w as Tensor2D));
    const y = product(product(x as Tensor2D));
    return { z: tf.matMul(y, w as Tensor2D), again: tf.matMul(w as Tensor2D, y) };
  });
  const { graph } = trace('f', f);
  const w = graph.inputs.get('w')?.id;
  const casts = toMixedPrecision(graph).nodes.filter(
    ({ op, inputs }) => op === 'Cast' && inputs[0]?.id === w,
  );
  expect(casts.map(({ block }) => block)).toEqual([1, 2, 0]);
});
