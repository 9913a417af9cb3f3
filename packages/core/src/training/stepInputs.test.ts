// Declared inputs of the train step: found by reading, drawn by seed, name and step.
import { createRng, float32, tf, type Tensor } from '@likeness/engine';
import { expect, it } from 'vitest';
import { createStepInput, drawStepInputs, findStepInputs } from './stepInputs.ts';

const uniform = (name: string) => createStepInput({ name, draw: (stream, count) => stream.uniform(count) });
const inputs = { x: float32(2, 3) };
type Body = (tensors: Readonly<Record<string, Tensor>>) => Record<string, Tensor>;

it('are those that a step reads, each drawn from a stream of its own', () => {
  const [a, b, unused] = [uniform('a'), uniform('b'), uniform('unused')];
  const body: Body = ({ x }) => ({
    y: tf.add(tf.mul(x!, a.read([2, 3]) ?? 1), tf.add(b.read([1, 3]) ?? 0, a.read([2, 3]) ?? 0)),
  });
  const found = findStepInputs([a, b, unused], inputs, body);
  expect(found.map(({ key, shape }) => [key, shape])).toEqual([
    ['drawn.a', [2, 3]],
    ['drawn.b', [1, 3]],
  ]);
  expect(a.read([2, 3])).toBeUndefined();
  const rng = createRng(4);
  const drawn = drawStepInputs(found, rng, 5);
  expect(drawn['drawn.a']).toEqual(rng.stream('a', 5, 0).uniform(6));
  expect(drawn['drawn.b']).toEqual(rng.stream('b', 5, 0).uniform(3));
  expect(drawStepInputs(found, rng, 6)).not.toEqual(drawn);
});

it('are refused with two names, two shapes, or undeclared', () => {
  const a = uniform('a');
  const twice: Body = ({ x }) => ({ y: tf.mul(tf.mul(x!, a.read([2, 3])!), a.read([1, 3])!) });
  expect(() => findStepInputs([a], inputs, twice)).toThrow('read with two shapes');
  expect(() => findStepInputs([a, uniform('a')], inputs, twice)).toThrow('have one name');
  const other: Body = () => ({ y: uniform('stranger').read([1])! });
  expect(() => findStepInputs([a], inputs, other)).toThrow(/stranger: .* read and not declared/);
});
