// Numbers that a train step needs anew each time, besides its batch: dropout masks, say. They are drawn here, from
// (seed, name, number of the gradient computation), and fed like the batch, so equal seeds give equal bits in every mode
// and a resumed run draws what an uninterrupted one would have.
import { defineFunction, float32, tf, traceShapes } from '@likeness/engine';
import type { RandomStream, Rng, Tensor, TensorSpec, TypedData } from '@likeness/engine';
import type { StepInput } from '../contracts.ts';
import { PluginError } from '../errors.ts';

/** A step input with the shape it was read with. */
export interface DrawnInput {
  /** Name of the function's input. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly input: StepInput;
}

/** Where numbers come from while a train step is traced. */
let source: ((input: StepInput, shape: readonly number[]) => Tensor) | undefined;

/**
 * Makes an input of the train step; the trainable that reads it lists it in `stepInputs`.
 * @param name unique in a run
 * @param draw so many numbers, from a stream that is another for every gradient computation
 */
export function createStepInput({
  name,
  draw,
}: {
  readonly name: string;
  readonly draw: (stream: RandomStream, count: number) => Float32Array;
}): StepInput {
  const input: StepInput = { name, draw, read: (shape) => source?.(input, shape) };
  return input;
}

/**
 * Which of the declared inputs a traced body reads, and how large they are: it is run once for its shapes.
 * @throws PluginError when two have one name, one is read with two shapes, or one that nobody declared is read
 */
export function findStepInputs(
  declared: readonly StepInput[],
  inputs: Readonly<Record<string, TensorSpec>>,
  body: (inputs: Readonly<Record<string, Tensor>>) => Record<string, Tensor>,
): DrawnInput[] {
  const names = declared.map(({ name }) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length > 0)
    throw new PluginError('two inputs of the train step have one name', {
      code: 'plugin/step-inputs',
      details: [...new Set(twice)],
    });
  if (declared.length === 0) return [];
  const found = new Map<StepInput, DrawnInput>();
  const collect = (input: StepInput, shape: readonly number[]): Tensor => {
    const { name } = input;
    if (!declared.includes(input)) {
      throw new PluginError('an input of the train step is read and not declared', {
        code: 'plugin/step-inputs',
        where: name,
        hint: 'list it in the stepInputs of the trainable',
      });
    }
    const known = found.get(input)?.shape ?? shape;
    if (known.join() !== shape.join()) {
      throw new PluginError('an input of the train step is read with two shapes', {
        code: 'plugin/step-inputs',
        where: name,
        expected: `[${known.join()}]`,
        got: `[${shape.join()}]`,
      });
    }
    found.set(input, { key: `drawn.${name}`, shape, input });
    return tf.ones([...shape]);
  };
  traceShapes(defineFunction(inputs, (tensors) => reading(collect, () => body(tensors))));
  return [...found.values()];
}

/** Traced: runs a body whose step inputs are inputs of the function. */
export function withStepInputs<T>(
  drawn: readonly DrawnInput[],
  inputs: Readonly<Record<string, Tensor>>,
  body: () => T,
): T {
  if (drawn.length === 0) return body();
  return reading((input) => {
    const key = drawn.find((entry) => entry.input === input)?.key ?? '';
    const tensor = inputs[key];
    if (tensor === undefined)
      throw new PluginError('an input of the train step is read, and was not at first', {
        code: 'plugin/step-inputs',
        where: input.name,
      });
    return tensor;
  }, body);
}

/** Inputs of a function, for `defineFunction`. */
export const stepInputSpecs = (drawn: readonly DrawnInput[]): Record<string, TensorSpec> =>
  Object.fromEntries(drawn.map(({ key, shape }) => [key, float32(...shape)]));

/** What a gradient computation is fed. @param microStep counts every one of them */
export const drawStepInputs = (
  drawn: readonly DrawnInput[],
  rng: Rng,
  microStep: number,
): Record<string, TypedData> =>
  Object.fromEntries(
    drawn.map(({ key, shape, input: { name, draw } }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [key, draw(rng.stream(name, microStep, 0), count)];
    }),
  );

function reading<T>(from: NonNullable<typeof source>, body: () => T): T {
  const before = source;
  source = from;
  try {
    return body();
  } finally {
    source = before;
  }
}
