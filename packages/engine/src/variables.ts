// Variables: named state of a program. Here they are handles without values; the values live in the engine process.
import { EngineError } from './errors.ts';
import { elements, type DType, type Value } from './graph/graph.ts';
import { metadata } from './recording/binding.ts';
import { declareWhileTracing, newValue } from './recording/recorder.ts';
import { backend, tf, valueId, type Variable } from './tf.ts';

export interface VariableOptions {
  /** Unique within a program; checkpoint key with its component in front, for weights. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: Extract<DType, 'float32' | 'int32'>;
  /** How the engine process keeps it. bfloat16 halves the memory; traced code still sees float32. */
  readonly storage?: 'float32' | 'bfloat16';
}

/** A variable as programs see it. */
export interface VariableInfo extends Required<Omit<VariableOptions, 'storage'>> {
  readonly storage: 'float32' | 'bfloat16' | 'int32';
  /** The value traced code reads. */
  readonly read: Value;
  readonly handle: Variable;
}

const byReadId = new Map<number, VariableInfo>();
let count = 0;

/** Creates a variable. Its value is zero until a program loads or writes it. */
export function createVariable({
  name,
  shape,
  dtype = 'float32',
  storage = 'float32',
}: VariableOptions): Variable {
  if (elements(shape) === 0 || shape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new EngineError('a variable has no elements', {
      code: 'engine/shapes',
      where: name,
      got: `[${shape.join()}]`,
    });
  }
  const read = newValue(shape, dtype);
  const handle = tf.tidy(() =>
    tf.variable(backend.createOutputTensor(metadata(read)), true, `${name}#${count++}`),
  );
  const info: VariableInfo = {
    name,
    shape,
    dtype,
    storage: dtype === 'int32' ? 'int32' : storage,
    read,
    handle,
  };
  byReadId.set(read.id, info);
  declareWhileTracing(read);
  const dispose = handle.dispose.bind(handle);
  handle.dispose = () => {
    byReadId.delete(read.id);
    dispose();
  };
  return handle;
}

/** All variables that exist, by the id of the value they read as. */
export const liveVariables = (): ReadonlyMap<number, VariableInfo> => byReadId;

/** What the engine knows of a variable handle. @throws EngineError for tfjs variables of another making. */
export function variableInfo(variable: Variable): VariableInfo {
  for (const info of byReadId.values()) if (info.handle === variable) return info;
  throw new EngineError('not a variable of the engine', {
    code: 'engine/variables',
    where: variable.name,
    hint: 'make it with createVariable()',
  });
}

/** Id of the value a variable holds now: another than `read` after an assignment in the function being traced. */
export const currentValueId = (info: VariableInfo): number => valueId(info.handle);

/** Undoes assignments, so that the next function starts from the variable's value again. */
export function resetVariable(info: VariableInfo): void {
  tf.tidy(() => info.handle.assign(backend.createOutputTensor(metadata(info.read))));
}
