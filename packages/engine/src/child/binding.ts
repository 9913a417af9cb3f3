// The native half of the engine (`native/binding.cc`), loaded only in the engine process.
import { createRequire } from 'node:module';
import { elements, type Attr, type GraphDType, type TypedData } from '../graph/graph.ts';
import { TF_DTYPES } from '../recording/binding.ts';

/** `[name, kind, value]`; kinds are those of `Attr`, and `shape`. */
export type NativeAttr = readonly [string, Attr['kind'] | 'shape', unknown];

export interface NativeBinding {
  createTensor(dtype: number, shape: readonly number[], data: TypedData): number;
  /** TensorFlow's type code, then the shape. */
  describeTensor(id: number): number[];
  readTensor(id: number): ArrayBuffer;
  deleteTensor(id: number): void;
  /** Runs an op, or a function that was added, and returns its outputs' ids. */
  execute(op: string, attrs: readonly NativeAttr[], inputs: readonly number[], outputs: number): number[];
  /** @param definition bytes of a FunctionDef */
  addFunction(definition: Uint8Array): void;
  removeFunction(name: string): void;
  tensorCount(): number;
  devices(): string[];
  readonly TF_Version: string;
}

export function loadBinding(path: string): NativeBinding {
  return createRequire(import.meta.url)(path) as NativeBinding;
}

/** Creates a tensor; one element fills the whole shape. */
export function createTensor(
  binding: NativeBinding,
  shape: readonly number[],
  dtype: GraphDType,
  data: TypedData,
): number {
  const size = elements(shape);
  const Data = dtype === 'float32' ? Float32Array : dtype === 'bool' ? Uint8Array : Int32Array;
  const whole = data.length === size && data instanceof Data ? data : new Data(size);
  if (whole !== data) {
    if (data.length === 1) whole.fill(data[0] ?? 0);
    else whole.set(data);
  }
  return binding.createTensor(TF_DTYPES[dtype], shape, whole);
}

/** Values of a tensor; the tensor is deleted. */
export function takeTensor(binding: NativeBinding, id: number, dtype: GraphDType): TypedData {
  const buffer = binding.readTensor(id);
  binding.deleteTensor(id);
  if (dtype === 'float32') return new Float32Array(buffer);
  return dtype === 'bool' ? new Uint8Array(buffer) : new Int32Array(buffer);
}

/** Runs an op with one output. */
export function executeOne(
  binding: NativeBinding,
  op: string,
  attrs: readonly NativeAttr[],
  inputs: readonly number[],
): number {
  const [id] = binding.execute(op, attrs, inputs, 1);
  if (id === undefined) throw new Error(`${op} returned nothing`);
  return id;
}

/** A tensor of another type; the given one is deleted. */
export function convert(binding: NativeBinding, id: number, from: GraphDType, to: GraphDType): number {
  if (from === to) return id;
  const result = executeOne(binding, 'Cast', [typeAttr('SrcT', from), typeAttr('DstT', to)], [id]);
  binding.deleteTensor(id);
  return result;
}

export const typeAttr = (name: string, dtype: GraphDType): NativeAttr => [name, 'type', TF_DTYPES[dtype]];

/** A graph's attribute as `execute` wants it. */
export function nativeAttr(name: string, attr: Attr): NativeAttr {
  if (attr.kind === 'type') return typeAttr(name, attr.value);
  if (attr.kind === 'types') return [name, 'types', attr.value.map((dtype) => TF_DTYPES[dtype])];
  return [name, attr.kind, attr.value];
}
