// First values of layers nobody has trained, by torch's rule: Linear and Conv2d `kaiming_uniform_(a=√5)`, which is
// uniform within 1/√fanIn, and biases alike; norms are 1 and 0
// (torch/nn/modules/{linear,conv,normalization}.py, `reset_parameters`).
import { createRng } from '@likeness/engine';
import type { Parameters } from './parameters.ts';

/**
 * Values of one parameter, in the file's shape. From the counter-based generator, a stream a parameter: a network that
 * grows keeps the others.
 * @param key one of `parameters.entries()`
 */
export function torchWeight(parameters: Parameters, key: string, seed: number): Float32Array {
  const shapeOf = (of: string): readonly number[] => parameters.entries().get(of)?.shape ?? [];
  const isBias = key.endsWith('.bias');
  const shape = shapeOf(key);
  const weight = isBias ? shapeOf(key.replace(/\.bias$/, '.weight')) : shape;
  const size = shape.reduce((product, length) => product * length, 1);
  if (weight.length < 2) return new Float32Array(size).fill(isBias ? 0 : 1);
  const bound = weight.slice(1).reduce((product, length) => product * length, 1) ** -0.5;
  return createRng(seed)
    .stream(`initial.${parameters.variableName(key)}`, 0, 0)
    .uniform(size)
    .map((x) => (2 * x - 1) * bound);
}
