// TensorFlow's native binding (tfjs-node's N-API module), loaded only in the engine process.
import { createRequire } from 'node:module';
import { elements, type Attr, type GraphDType, type TypedData } from '../graph/graph.ts';
import { TF_DTYPES } from '../recording/binding.ts';

interface NativeTensor {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The part of tfjs-node's binding that programs need (`tfjs_binding.d.ts`). */
export interface NativeBinding {
  createTensor(shape: readonly number[], dtype: number, data: TypedData): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TypedData;
  executeOp(op: string, attrs: object[], inputIds: number[], outputs: number): NativeTensor[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputIds: number[], feeds: string, fetches: string): NativeTensor[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_Version: string;
}

export function loadBinding(path: string): NativeBinding {
  return createRequire(import.meta.url)(path) as NativeBinding;
}

/** Creates a tensor; one element fills the whole shape. */
export function createTensor(binding: NativeBinding, shape: readonly number[], dtype: GraphDType, data: TypedData): number {
  const size = elements(shape);
  const whole = data.length === size ? data : new (data.constructor as Float32ArrayConstructor)(size).fill(data[0] ?? 0);
  return binding.createTensor([...shape], TF_DTYPES[dtype], whole);
}

const ATTR_CODES = { string: 0, int: 1, ints: 1, float: 2, bool: 3, type: 4, types: 4 } as const;

/** An attribute as `executeOp` wants it. */
export function nativeAttr(name: string, attr: Attr): object {
  const type = ATTR_CODES[attr.kind];
  if (attr.kind === 'type') return { name, type, value: TF_DTYPES[attr.value] };
  if (attr.kind === 'types') return { name, type, value: attr.value.map((dtype) => TF_DTYPES[dtype]) };
  return { name, type, value: attr.value };
}
