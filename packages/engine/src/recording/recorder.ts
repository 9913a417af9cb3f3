// Collects the ops of one function while tfjs code runs over it. Nothing is executed: shapes come from `shapes/`.
import { EngineError } from '../errors.ts';
import {
  elements,
  type Attr,
  type GraphDType,
  type GraphNode,
  type TypedData,
  type Value,
} from '../graph/graph.ts';
import { SHAPE_RULES } from '../shapes/index.ts';
import { callSite } from './callSite.ts';

interface Constant {
  readonly value: Value;
  readonly data: TypedData;
}

/** Ops TensorFlow can run but XLA cannot compile, with what to use instead. */
export const NOT_IN_XLA: Readonly<Record<string, string>> = {
  ResizeNearestNeighborGrad: 'resize by whole multiples',
  // It exists, but TensorFlow refuses it where results must repeat bit for bit.
  MaxPoolGrad: 'use tf.avgPool, or a convolution with strides',
};

let nextId = 1;
/** Constants live outside any trace: tfjs writes them lazily, and one tensor may serve several functions. */
const constants = new Map<number, Constant>();
/** Which op made a value; for messages about values nobody can read. */
const producers = new Map<number, string>();
let active: Recorder | undefined;

export function newValue(shape: readonly number[], dtype: GraphDType): Value {
  return { id: nextId++, shape, dtype };
}

export const producerOf = (id: number): string => producers.get(id) ?? 'an input or variable';

export function addConstant(shape: readonly number[], dtype: GraphDType, values: TypedData): Value {
  const value = newValue(shape, dtype);
  const uniform = values.length > 1 && values.every((x) => x === values[0]);
  constants.set(value.id, { value, data: uniform ? values.slice(0, 1) : values });
  return value;
}

export function forgetConstant(id: number): void {
  if (active === undefined) constants.delete(id);
}

/** The recorder of the function being traced. @throws EngineError outside of tracing. */
export function activeRecorder(op: string): Recorder {
  if (active === undefined) {
    throw new EngineError('tensors have values only inside the engine process', {
      code: 'engine/not-traceable',
      where: `${op} at ${callSite()}`,
      hint: 'call tfjs ops only inside functions handed to compile()',
    });
  }
  return active;
}

function withRecorder<T>(recorder: Recorder, body: () => T): T {
  if (active !== undefined) {
    throw new EngineError('a function is already being traced', {
      code: 'engine/not-traceable',
      where: callSite(),
    });
  }
  active = recorder;
  try {
    return body();
  } finally {
    active = undefined;
  }
}

/** Makes a value that just came to be known to the function being traced, if there is one: a variable created inside it. */
export function declareWhileTracing(value: Value): void {
  active?.declare(value);
}

/** A part of the function whose inner values are computed again in the backward pass. */
export interface CheckpointBlock {
  readonly id: number;
  /** Values that later blocks use and that therefore stay. */
  readonly outputs: ReadonlySet<number>;
}

/** One function's ops in the order they were called, equal calls recorded once. */
export class Recorder {
  readonly nodes: GraphNode[] = [];
  readonly blocks: CheckpointBlock[] = [];
  private readonly forXla: boolean;
  private readonly values = new Map<number, Value>();
  private readonly known = new Map<string, readonly Value[]>();
  private readonly firstOfConstant = new Map<string, Value>();
  private readonly constantData = new Map<number, Constant>();
  private block = 0;

  /** @param forXla refuse ops that XLA cannot compile where they are called, rather than when the program loads. */
  constructor(forXla: boolean) {
    this.forXla = forXla;
  }

  /** Runs `body` with every tfjs op going to this recorder. Tracing does not nest. */
  record<T>(body: () => T): T {
    return withRecorder(this, body);
  }

  /** Makes values from outside (inputs, variables) known. */
  declare(value: Value): void {
    this.values.set(value.id, value);
  }

  /** Ops recorded by `body` form one gradient-checkpointing block; an inner block joins the outer one. */
  inBlock<T>(body: () => T, resultIds: (result: T) => Iterable<number>): T {
    if (this.block !== 0) return body();
    this.block = this.blocks.length + 1;
    try {
      const result = body();
      this.blocks.push({ id: this.block, outputs: new Set(resultIds(result)) });
      return result;
    } finally {
      this.block = 0;
    }
  }

  op(op: string, attrs: Readonly<Record<string, Attr>>, inputIds: readonly number[]): readonly Value[] {
    const rule = SHAPE_RULES[op];
    if (rule === undefined) {
      throw new EngineError(`the op ${op} has no shape rule, so it cannot be traced`, {
        code: 'engine/not-traceable',
        where: callSite(),
        hint: 'write it with other tfjs ops, or add a rule under packages/engine/src/shapes',
      });
    }
    const substitute = NOT_IN_XLA[op];
    if (this.forXla && substitute !== undefined) {
      throw new EngineError(`XLA cannot compile the op ${op}`, {
        code: 'engine/needs-mode',
        where: callSite(),
        hint: `${substitute}; or mode 'graph'`,
      });
    }
    const inputs = inputIds.map((id) => this.resolve(op, id));
    const key = `${op}|${this.block}|${inputs.map((value) => value.id).join()}|${JSON.stringify(attrs)}`;
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const constant = (index: number): readonly number[] => this.constantElements(op, inputs[index]);
    const outputs = rule({ op, attrs, inputs, constant }).map((spec) => newValue(spec.shape, spec.dtype));
    for (const output of outputs) {
      this.values.set(output.id, output);
      producers.set(output.id, op);
    }
    this.nodes.push({ op, attrs, inputs, outputs, block: this.block });
    this.known.set(key, outputs);
    return outputs;
  }

  /** The value behind an id; constants enter the function when they are first used. */
  resolve(op: string, id: number): Value {
    const value = this.values.get(id);
    if (value !== undefined) return value;
    const constant = constants.get(id);
    if (constant === undefined) {
      throw new EngineError('a tensor from outside the traced function is used', {
        code: 'engine/not-traceable',
        where: `${op} at ${callSite()}`,
        got: `a tensor made by ${producerOf(id)}`,
        hint: 'pass it as an input, or keep it in a variable',
      });
    }
    return this.shareConstant(constant);
  }

  private shareConstant(constant: Constant): Value {
    const { value, data } = constant;
    const content = data.length <= 64 ? data.join() : `#${value.id}`;
    const key = `${value.dtype}|${value.shape.join()}|${content}`;
    let shared = this.firstOfConstant.get(key);
    if (shared === undefined) {
      shared = value;
      this.firstOfConstant.set(key, value);
      this.constantData.set(value.id, constant);
      this.nodes.push({ op: 'Const', attrs: {}, inputs: [], outputs: [value], data, block: 0 });
    }
    this.values.set(value.id, shared);
    return shared;
  }

  private constantElements(op: string, value: Value | undefined): readonly number[] {
    const constant = value && this.constantData.get(value.id);
    if (value === undefined || constant === undefined) {
      throw new EngineError('a shape, axis or padding is not a constant', {
        code: 'engine/not-traceable',
        where: `${op} at ${callSite()}`,
        hint: 'shapes are fixed while tracing: compute them from tensor.shape, not from tensors',
      });
    }
    const size = elements(value.shape);
    return Array.from({ length: size }, (_, i) => Number(constant.data[constant.data.length === 1 ? 0 : i]));
  }
}
