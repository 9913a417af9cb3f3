// Writes graph nodes as TensorFlow NodeDefs.
import { EngineError } from '../errors.ts';
import {
  elements,
  isConst,
  type Attr,
  type ConstNode,
  type GraphDType,
  type GraphNode,
  type OpNode,
} from '../graph/graph.ts';
import { SIGNATURES } from '../graph/signatures.ts';
import { TF_DTYPES } from '../recording/binding.ts';
import type { AttrValue, NodeDef, ShapeProto, TensorProto } from './proto.ts';

export const typeAttr = (dtype: GraphDType): AttrValue => ({ type: TF_DTYPES[dtype] });
const shapeProto = (shape: readonly number[]): ShapeProto => ({ dim: shape.map((size) => ({ size })) });

function attrValue(attr: Attr): AttrValue {
  switch (attr.kind) {
    case 'type':
      return typeAttr(attr.value);
    case 'types':
      return { list: { type: attr.value.map((dtype) => TF_DTYPES[dtype]) } };
    case 'int':
      return { i: attr.value };
    case 'ints':
      return { list: { i: [...attr.value] } };
    case 'float':
      return { f: attr.value };
    case 'bool':
      return { b: attr.value };
    case 'string':
      return { s: Buffer.from(attr.value) };
  }
}

function tensorProto({ data, outputs }: ConstNode): TensorProto {
  const [value] = outputs;
  if (value === undefined) throw new Error('a constant has no output');
  const tensor = { dtype: TF_DTYPES[value.dtype], tensor_shape: shapeProto(value.shape) };
  if (data.length < elements(value.shape)) {
    // One element stands for all of them: TensorFlow repeats the last, XLA broadcasts it.
    const [element = 0] = data;
    if (value.dtype === 'float32') return { ...tensor, float_val: [element] };
    return value.dtype === 'bool'
      ? { ...tensor, bool_val: [element !== 0] }
      : { ...tensor, int_val: [element] };
  }
  return { ...tensor, tensor_content: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** Type attributes that tfjs leaves to eager inference, from the types of the inputs. */
function inferredTypes(node: OpNode): Record<string, AttrValue> {
  const signature = SIGNATURES[node.op];
  if (signature === undefined)
    throw new EngineError(`no signature for the op ${node.op}`, {
      code: 'engine/not-traceable',
      where: 'emit',
    });
  const attrs: Record<string, AttrValue> = {};
  let position = 0;
  for (const [, typeName, lengthName] of signature.in) {
    const value = node.inputs[position];
    if (typeName !== '' && node.attrs[typeName] === undefined && value)
      attrs[typeName] = typeAttr(value.dtype);
    const length = lengthName === '' ? undefined : node.attrs[lengthName];
    position += length?.kind === 'int' ? length.value : 1;
  }
  return attrs;
}

/** How a function body refers to output `index` of a node. */
export function outputReference(name: string, node: GraphNode, index: number): string {
  if (isConst(node)) return `${name}:output:0`;
  const outputs = SIGNATURES[node.op]?.out ?? [];
  return outputs.length === 1 ? `${name}:${outputs[0]}:${index}` : `${name}:${outputs[index]}:0`;
}

export function nodeDef(name: string, node: GraphNode, input: string[]): NodeDef {
  if (isConst(node)) {
    const dtype = node.outputs[0]?.dtype ?? 'float32';
    return {
      name,
      op: 'Const',
      input: [],
      attr: { dtype: typeAttr(dtype), value: { tensor: tensorProto(node) } },
    };
  }
  const given = Object.fromEntries(Object.entries(node.attrs).map(([key, attr]) => [key, attrValue(attr)]));
  return { name, op: node.op, input, attr: { ...given, ...inferredTypes(node) } };
}
