// Writes a traced function as a TensorFlow FunctionDef. Its inputs are the traced function's inputs, then the handles
// of its variables.
import { createHash } from 'node:crypto';
import type { Graph, GraphDType, Value } from '../graph/graph.ts';
import { TF_DTYPES } from '../recording/binding.ts';
import { encodeFunctionDef, type FunctionDef, type NodeDef } from './proto.ts';
import { nodeDef, outputReference, typeAttr } from './nodes.ts';

/** `DT_RESOURCE`: the type of a variable's handle. */
const RESOURCE = 20;

export interface EmittedFunction {
  /** The traced function's name and a hash of everything the function does. */
  readonly name: string;
  readonly definition: Uint8Array;
}

/** @param xla compile the whole function with XLA when it is first called */
export function emitFunction(
  graph: Graph,
  storedType: (variable: string) => GraphDType,
  xla: boolean,
): EmittedFunction {
  const unnamed = encodeFunctionDef(functionDef(graph, graph.name, storedType, xla));
  const name = `${graph.name}_${createHash('sha256').update(unnamed).digest('hex').slice(0, 16)}`;
  return { name, definition: encodeFunctionDef(functionDef(graph, name, storedType, xla)) };
}

const cast = (name: string, input: string, from: GraphDType, to: GraphDType): NodeDef => ({
  name,
  op: 'Cast',
  input: [input],
  attr: { SrcT: typeAttr(from), DstT: typeAttr(to) },
});

/**
 * The definition of one traced function: reads its variables, runs its nodes, assigns what it changed.
 * Nodes are named by counting, so equal functions give equal definitions.
 * @param storedType type in which a variable is kept
 */
function functionDef(
  graph: Graph,
  name: string,
  storedType: (variable: string) => GraphDType,
  xla: boolean,
): FunctionDef {
  const references = new Map<number, string>();
  const body: NodeDef[] = [];
  const inputArgs = [...graph.inputs.values()].map((value, i) => {
    references.set(value.id, `in${i}`);
    return { name: `in${i}`, type: TF_DTYPES[value.dtype] };
  });
  graph.variables.forEach(({ name: variable, read }, i) => {
    const stored = storedType(variable);
    body.push({
      name: `read${i}`,
      op: 'ReadVariableOp',
      input: [`var${i}`],
      attr: { dtype: typeAttr(stored) },
    });
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
  graph.variables.forEach(({ name: variable, write }, i) => {
    if (write === undefined) return;
    const stored = storedType(variable);
    let value = reference(write);
    if (stored !== write.dtype) {
      body.push(cast(`write${i}_cast`, value, write.dtype, stored));
      value = `write${i}_cast:y:0`;
    }
    // After the read, so that the step sees the old value everywhere.
    body.push({
      name: `write${i}`,
      op: 'AssignVariableOp',
      input: [`var${i}`, value, `^read${i}`],
      attr: { dtype: typeAttr(stored) },
    });
    writes.push(`write${i}`);
  });
  const outputs = [...graph.outputs.values()];
  const pairs = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, name]));
  return {
    signature: {
      name,
      input_arg: [...inputArgs, ...graph.variables.map((_, i) => ({ name: `var${i}`, type: RESOURCE }))],
      output_arg: outputs.map((value, i) => ({ name: `out${i}`, type: TF_DTYPES[value.dtype] })),
      is_stateful: true,
      control_output: writes,
    },
    node_def: body,
    ret: Object.fromEntries(outputs.map((value, i) => [`out${i}`, reference(value)])),
    attr: xla ? { _XlaMustCompile: { b: true } } : {},
    control_ret: pairs(writes),
  };
}
