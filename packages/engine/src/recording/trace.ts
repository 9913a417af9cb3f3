// Traces one function: runs its tfjs code once over symbolic inputs and returns the graph of what it did.
import { EngineError } from '../errors.ts';
import {
  elements,
  pruneGraph,
  type Graph,
  type TensorSpec,
  type Value,
  type VariableUse,
} from '../graph/graph.ts';
import { backend, tf, valueId, type Tensor } from '../tf.ts';
import { currentValueId, liveVariables, resetVariable } from '../variables.ts';
import { metadata } from './binding.ts';
import { activeRecorder, newValue, Recorder, type CheckpointBlock } from './recorder.ts';

export interface FunctionDefinition<
  Inputs extends Readonly<Record<string, TensorSpec>> = Readonly<Record<string, TensorSpec>>,
  Outputs extends string = string,
> {
  readonly inputs: Inputs;
  readonly run: (inputs: Record<keyof Inputs, Tensor>) => Record<Outputs, Tensor>;
}

/** A function to compile: named inputs of fixed shape, named outputs; variables are found by use. */
export function defineFunction<Inputs extends Readonly<Record<string, TensorSpec>>, Outputs extends string>(
  inputs: Inputs,
  run: (inputs: Record<keyof Inputs, Tensor>) => Record<Outputs, Tensor>,
): FunctionDefinition<Inputs, Outputs> {
  return { inputs, run };
}

export interface Traced {
  readonly graph: Graph;
  readonly blocks: readonly CheckpointBlock[];
}

const symbol = (value: Value): Tensor => backend.createOutputTensor(metadata(value));

/** @param forXla refuse ops that XLA cannot compile. */
export function trace(name: string, { inputs, run }: FunctionDefinition, { forXla = false } = {}): Traced {
  const recorder = new Recorder(forXla);
  const variables = [...liveVariables().values()];
  const inputValues = new Map(
    Object.entries(inputs).map(([key, spec]) => [key, newValue(spec.shape, spec.dtype)]),
  );
  for (const value of inputValues.values()) recorder.declare(value);
  for (const info of variables) recorder.declare(info.read);

  const outputs = new Map<string, Value>();
  const uses: VariableUse[] = [];
  tf.engine().startScope();
  try {
    recorder.record(() => {
      const known = new Set(variables);
      const results = run(Object.fromEntries([...inputValues].map(([key, value]) => [key, symbol(value)])));
      for (const [key, tensor] of Object.entries(results))
        outputs.set(key, recorder.resolve('output', valueId(tensor)));
      for (const info of liveVariables().values()) {
        const id = currentValueId(info);
        const write = id === info.read.id ? undefined : recorder.resolve('assign', id);
        if (!known.has(info)) recorder.declare(info.read);
        uses.push({ name: info.name, read: info.read, ...(write && { write }) });
      }
    });
  } finally {
    for (const info of liveVariables().values())
      if (currentValueId(info) !== info.read.id) resetVariable(info);
    tf.engine().endScope();
  }
  const nextId = newValue([], 'float32').id;
  const graph = { name, inputs: inputValues, outputs, variables: uses, nodes: recorder.nodes, nextId };
  return { graph: pruneGraph(graph), blocks: recorder.blocks };
}

/** Runs a function only for its shapes, and for the variables it declares. The graph is thrown away. */
export function traceShapes(definition: FunctionDefinition): Record<string, readonly number[]> {
  const { graph } = trace('shapes', definition);
  return Object.fromEntries([...graph.outputs].map(([key, value]) => [key, value.shape]));
}

/** Bytes of a function's largest value, found by tracing it: with attention among many pixels, its scores. */
export function largestValueBytes(definition: FunctionDefinition): number {
  const values = trace('sizes', definition).graph.nodes.flatMap(({ outputs }) => outputs);
  return values.reduce((largest, { shape }) => Math.max(largest, 4 * elements(shape)), 0);
}

/**
 * Marks a block for gradient checkpointing: with the compile option on, its inner values are not kept for the
 * backward pass but computed again from its inputs (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
 * Without the option it changes nothing.
 */
export function checkpointed<T extends Tensor | readonly Tensor[]>(block: () => T): T {
  return activeRecorder('checkpointed').inBlock(block, (result) =>
    (Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor]).map(valueId),
  );
}

/** Shape and type of a float input. */
export const float32 = (...shape: number[]): TensorSpec => ({ shape: checkShape(shape), dtype: 'float32' });
/** Shape and type of an integer input. */
export const int32 = (...shape: number[]): TensorSpec => ({ shape: checkShape(shape), dtype: 'int32' });

function checkShape(shape: readonly number[]): readonly number[] {
  if (shape.every((size) => Number.isInteger(size) && size > 0)) return shape;
  throw new EngineError('an input has no fixed shape', {
    code: 'engine/shapes',
    expected: 'positive integers',
    got: `[${shape.join()}]`,
  });
}
