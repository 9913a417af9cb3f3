// The recording binding: has the interface of tfjs-node's native binding, so that tfjs-node's own kernels
// translate every tfjs op into a TensorFlow op - and hands each to the recorder instead of to TensorFlow.
import { EngineError } from '../errors.ts';
import type { Attr, GraphDType, TypedData } from '../graph/graph.ts';
import { callSite } from './callSite.ts';
import { activeRecorder, addConstant, forgetConstant, producerOf } from './recorder.ts';

/** `DataType` of tensorflow/core/framework/types.proto. */
export const TF_DTYPES: Readonly<Record<GraphDType, number>> = {
  float32: 1,
  int32: 3,
  int64: 9,
  bool: 10,
  bfloat16: 14,
};
const dtypeOf = new Map(Object.entries(TF_DTYPES).map(([name, code]) => [code, name as GraphDType]));

/** `TF_AttrType` of tensorflow/c/tf_attrtype.h. */
const ATTR = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

interface NativeAttr {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

function typeOfCode(code: unknown): GraphDType {
  const dtype = dtypeOf.get(Number(code));
  if (dtype === undefined)
    throw new EngineError(`tensors of TensorFlow type ${String(code)} cannot be traced`, {
      code: 'engine/not-traceable',
      where: callSite(),
    });
  return dtype;
}

function toAttr({ name, type, value }: NativeAttr): Attr {
  switch (type) {
    case ATTR.type:
      return Array.isArray(value)
        ? { kind: 'types', value: value.map(typeOfCode) }
        : { kind: 'type', value: typeOfCode(value) };
    case ATTR.int:
      return Array.isArray(value)
        ? { kind: 'ints', value: value.map(Number) }
        : { kind: 'int', value: Number(value) };
    case ATTR.float:
      return { kind: 'float', value: Number(value) };
    case ATTR.bool:
      return { kind: 'bool', value: Boolean(value) };
    case ATTR.string:
      return { kind: 'string', value: String(value) };
    default:
      throw new EngineError(`attribute ${name} has a kind that cannot be recorded`, {
        code: 'engine/not-traceable',
        where: callSite(),
      });
  }
}

function typedData(dtype: GraphDType, values: unknown): TypedData {
  if (values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array)
    return values;
  const list = values as ArrayLike<number>;
  if (dtype === 'float32') return Float32Array.from(list);
  return dtype === 'bool' ? Uint8Array.from(list) : Int32Array.from(list);
}

export const metadata = (value: {
  id: number;
  shape: readonly number[];
  dtype: GraphDType;
}): TensorMetadata => ({
  id: value.id,
  shape: [...value.shape],
  dtype: TF_DTYPES[value.dtype],
});

export const recordingBinding = {
  TF_FLOAT: TF_DTYPES.float32,
  TF_INT32: TF_DTYPES.int32,
  TF_INT64: TF_DTYPES.int64,
  TF_BOOL: TF_DTYPES.bool,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_RESOURCE: 20,
  TF_ATTR_STRING: ATTR.string,
  TF_ATTR_INT: ATTR.int,
  TF_ATTR_FLOAT: ATTR.float,
  TF_ATTR_BOOL: ATTR.bool,
  TF_ATTR_TYPE: ATTR.type,
  TF_ATTR_SHAPE: ATTR.shape,

  isUsingGpuDevice: (): boolean => false,

  createTensor(shape: number[], dtype: number, values: unknown): number {
    const type = typeOfCode(dtype);
    return addConstant([...shape], type, typedData(type, values)).id;
  },

  deleteTensor(id: number): void {
    forgetConstant(id);
  },

  tensorDataSync(id: number): never {
    throw new EngineError("a tensor's value is read while tracing", {
      code: 'engine/not-traceable',
      where: `${producerOf(id)} at ${callSite()}`,
      hint: 'return it from the function: outputs come back as typed arrays',
    });
  },

  executeOp(op: string, attrs: readonly NativeAttr[], inputIds: readonly number[]): TensorMetadata[] {
    const named = Object.fromEntries(attrs.map((attr) => [attr.name, toAttr(attr)]));
    return activeRecorder(op).op(op, named, inputIds).map(metadata);
  },
};
