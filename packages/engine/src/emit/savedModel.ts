// Writes a program as a SavedModel: one TensorFlow function per traced function, variables shared by all,
// and a main graph of placeholders, calls and feeds that fill or read the variables.
import type { Graph, GraphDType, Value } from '../graph/graph.ts';
import { TF_DTYPES } from '../recording/binding.ts';
import type { VariableInfo } from '../variables.ts';
import { encodeSavedModel, type AttrValue, type FunctionDef, type NodeDef } from './proto.ts';
import { nodeDef, outputReference, shapeProto, typeAttr } from './nodes.ts';

const RESOURCE = 20;
const MUST_COMPILE: Record<string, AttrValue> = { _XlaMustCompile: { b: true } };

/** Names of the main graph's ops, by which the engine process feeds and fetches. */
export const feedName = (fn: string, input: string): string => `${fn}/in/${input}`;
export const fetchName = (fn: string, output: string): string => `${fn}/out/${output}`;
export const variableOps = (index: number) => ({
  handle: `v${index}`,
  /** Feed: a whole new value. */
  value: `v${index}/value`,
  /** Fetch: assigns the fed value. */
  assign: `v${index}/assigned`,
  /** Fetch: fills with zeros, nothing fed. */
  zero: `v${index}/zeroed`,
  /** Fetch: the value now. */
  read: `v${index}/read`,
});

const identity = (name: string, input: string, dtype: GraphDType): NodeDef => ({
  name,
  op: 'Identity',
  input: [input],
  attr: { T: typeAttr(dtype) },
});
const cast = (name: string, input: string, from: GraphDType, to: GraphDType): NodeDef => ({
  name,
  op: 'Cast',
  input: [input],
  attr: { SrcT: typeAttr(from), DstT: typeAttr(to) },
});
const scalar = (name: string, input: string[], dtype: GraphDType): NodeDef => ({
  name,
  op: 'Const',
  input,
  attr: {
    dtype: typeAttr(dtype),
    value: { tensor: { dtype: TF_DTYPES[dtype], tensor_shape: { dim: [] }, tensor_content: new Uint8Array(dtype === 'bfloat16' ? 2 : 4) } },
  },
});

/** Handle, assigning feed, zero fill and read-back of one variable. */
function variableNodes(info: VariableInfo, index: number): NodeDef[] {
  const names = variableOps(index);
  const [seen, stored] = [info.dtype, info.storage];
  const shape = shapeProto(info.shape);
  const assign = (name: string, value: string): NodeDef => ({
    name,
    op: 'AssignVariableOp',
    input: [names.handle, value],
    attr: { dtype: typeAttr(stored) },
  });
  const fed = seen === stored ? names.value : `${names.value}/cast`;
  const nodes: NodeDef[] = [
    {
      name: names.handle,
      op: 'VarHandleOp',
      input: [],
      attr: { dtype: typeAttr(stored), shape: { shape }, shared_name: { s: Buffer.from(names.handle) } },
    },
    { name: names.value, op: 'Placeholder', input: [], attr: { dtype: typeAttr(seen), shape: { shape } } },
    assign(`${names.handle}/assign`, fed),
    scalar(names.assign, [`^${names.handle}/assign`], 'int32'),
    {
      name: `${names.handle}/shape`,
      op: 'Const',
      input: [],
      attr: {
        dtype: typeAttr('int32'),
        value: { tensor: { dtype: TF_DTYPES.int32, tensor_shape: shapeProto([info.shape.length]), tensor_content: new Uint8Array(Int32Array.from(info.shape).buffer) } },
      },
    },
    scalar(`${names.handle}/nought`, [], stored),
    {
      name: `${names.handle}/zeros`,
      op: 'Fill',
      input: [`${names.handle}/shape`, `${names.handle}/nought`],
      attr: { T: typeAttr(stored), index_type: typeAttr('int32') },
    },
    assign(`${names.handle}/clear`, `${names.handle}/zeros`),
    scalar(names.zero, [`^${names.handle}/clear`], 'int32'),
  ];
  const read: NodeDef = { name: names.read, op: 'ReadVariableOp', input: [names.handle], attr: { dtype: typeAttr(stored) } };
  if (seen === stored) return [...nodes, read];
  const raw = { ...read, name: `${names.read}/stored` };
  return [...nodes, cast(fed, names.value, seen, stored), raw, cast(names.read, raw.name, stored, seen)];
}

/** Body of one function: reads its variables, runs its nodes, assigns what it changed. */
function functionDef(graph: Graph, variables: ReadonlyMap<string, VariableInfo>, attr: Record<string, AttrValue>): FunctionDef {
  const references = new Map<number, string>();
  const body: NodeDef[] = [];
  const inputArgs = [...graph.inputs].map(([key, value], i) => {
    references.set(value.id, `in${i}`);
    return { name: `in${i}`, type: TF_DTYPES[value.dtype], key };
  });
  const storedType = (name: string): GraphDType => variables.get(name)?.storage ?? 'float32';
  graph.variables.forEach(({ name, read }, i) => {
    const stored = storedType(name);
    body.push({ name: `read${i}`, op: 'ReadVariableOp', input: [`var${i}`], attr: { dtype: typeAttr(stored) } });
    references.set(read.id, `read${i}:value:0`);
    if (stored === read.dtype) return;
    body.push(cast(`read${i}_cast`, `read${i}:value:0`, stored, read.dtype));
    references.set(read.id, `read${i}_cast:y:0`);
  });
  const reference = (value: Value): string => {
    const found = references.get(value.id);
    if (found === undefined) throw new Error(`${graph.name}: value ${value.id} is used before it is made`);
    return found;
  };
  graph.nodes.forEach((node, i) => {
    body.push(nodeDef(`n${i}`, node, node.inputs.map(reference)));
    node.outputs.forEach((output, index) => references.set(output.id, outputReference(`n${i}`, node, index)));
  });
  const writes: string[] = [];
  graph.variables.forEach(({ name, write }, i) => {
    if (write === undefined) return;
    const stored = storedType(name);
    let value = reference(write);
    if (stored !== write.dtype) {
      body.push(cast(`write${i}_cast`, value, write.dtype, stored));
      value = `write${i}_cast:y:0`;
    }
    // After the read, so that the step sees the old value everywhere.
    body.push({ name: `write${i}`, op: 'AssignVariableOp', input: [`var${i}`, value, `^read${i}`], attr: { dtype: typeAttr(stored) } });
    writes.push(`write${i}`);
  });
  const outputs = [...graph.outputs.values()];
  const pairs = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, name]));
  return {
    signature: {
      name: graph.name,
      input_arg: [...inputArgs.map(({ name, type }) => ({ name, type })), ...graph.variables.map((_, i) => ({ name: `var${i}`, type: RESOURCE }))],
      output_arg: outputs.map((value, i) => ({ name: `out${i}`, type: TF_DTYPES[value.dtype] })),
      is_stateful: true,
      control_output: writes,
    },
    node_def: body,
    ret: Object.fromEntries(outputs.map((value, i) => [`out${i}`, reference(value)])),
    attr,
    control_ret: pairs(writes),
  };
}

/** Placeholders, call and outputs of one function in the main graph. */
function callNodes(graph: Graph, indexOf: ReadonlyMap<string, number>, attr: Record<string, AttrValue>): NodeDef[] {
  const inputs = [...graph.inputs];
  const outputs = [...graph.outputs];
  const handles = graph.variables.map(({ name }) => variableOps(indexOf.get(name) ?? -1).handle);
  return [
    ...inputs.map(([key, value]): NodeDef => ({
      name: feedName(graph.name, key),
      op: 'Placeholder',
      input: [],
      attr: { dtype: typeAttr(value.dtype), shape: { shape: shapeProto(value.shape) } },
    })),
    {
      name: `${graph.name}/call`,
      op: 'StatefulPartitionedCall',
      input: [...inputs.map(([key]) => feedName(graph.name, key)), ...handles],
      attr: {
        Tin: { list: { type: [...inputs.map(([, value]) => TF_DTYPES[value.dtype]), ...handles.map(() => RESOURCE)] } },
        Tout: { list: { type: outputs.map(([, value]) => TF_DTYPES[value.dtype]) } },
        f: { func: { name: graph.name } },
        // TensorFlow inlines the function and runs it op by op unless the call says so, too.
        ...attr,
      },
    },
    ...outputs.map(([key, value], i) => identity(fetchName(graph.name, key), `${graph.name}/call:${i}`, value.dtype)),
  ];
}

/** @returns bytes of `saved_model.pb`; node names are counted, so equal programs give equal bytes. */
export function emitSavedModel(graphs: readonly Graph[], variables: readonly VariableInfo[], xla: boolean): Uint8Array {
  const attr = xla ? MUST_COMPILE : {};
  const indexOf = new Map(variables.map((info, i) => [info.name, i]));
  const byName = new Map(variables.map((info) => [info.name, info]));
  const nodes = [...variables.flatMap(variableNodes), ...graphs.flatMap((graph) => callNodes(graph, indexOf, attr))];
  return encodeSavedModel(nodes, graphs.map((graph) => functionDef(graph, byName, attr)));
}
