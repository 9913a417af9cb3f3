// The intermediate representation of a traced function: TensorFlow ops over value ids, nothing executed.
// Made by `recording/`, changed by the passes beside this file, written out by `emit/`, replayed by `child/`.

/** Tensor types a graph may hold. `bfloat16` appears only through the mixed-precision pass. */
export type GraphDType = 'float32' | 'int32' | 'bool' | 'bfloat16' | 'int64';
/** Tensor types a traced function may see. */
export type DType = 'float32' | 'int32' | 'bool';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** One tensor inside a graph. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
}

/** Attribute of a TensorFlow node, tagged with its kind as `AttrValue` in attr_value.proto is. */
export type Attr =
  | { readonly kind: 'type'; readonly value: GraphDType }
  | { readonly kind: 'types'; readonly value: readonly GraphDType[] }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string };

export type TypedData = Float32Array | Int32Array | Uint8Array;

interface NodeBase {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient-checkpointing block this node was recorded in; 0 = none. */
  readonly block: number;
}
export interface OpNode extends NodeBase {
  readonly op: string;
  readonly attrs: Readonly<Record<string, Attr>>;
}
/** A constant. Uniform constants hold one element, whatever their shape: they are written as a broadcast scalar. */
export interface ConstNode extends NodeBase {
  readonly op: 'Const';
  readonly attrs: Readonly<Record<string, never>>;
  readonly data: TypedData;
}
export type GraphNode = OpNode | ConstNode;

export const isConst = (node: GraphNode): node is ConstNode => node.op === 'Const';

/** A variable as a graph sees it: its value on entry and, when the function assigns it, on exit. */
export interface VariableUse {
  readonly name: string;
  readonly read: Value;
  readonly write?: Value;
}

/** One traced function. Nodes stand in an order in which every value is produced before it is used. */
export interface Graph {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  readonly variables: readonly VariableUse[];
  readonly nodes: readonly GraphNode[];
  /** First id no value has yet: passes number their new values from here. */
  readonly nextId: number;
}

/** Values that must survive: the function's outputs and what it assigns. */
export function graphResults(graph: Graph): Value[] {
  return [...graph.outputs.values(), ...graph.variables.flatMap((use) => (use.write ? [use.write] : []))];
}

/** Drops nodes that no output and no assigned variable needs; variables that are neither read nor assigned go too. */
export function pruneGraph(graph: Graph): Graph {
  const needed = new Set(graphResults(graph).map((value) => value.id));
  const kept: GraphNode[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (node === undefined || !node.outputs.some((output) => needed.has(output.id))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input.id);
  }
  const variables = graph.variables.filter((use) => use.write !== undefined || needed.has(use.read.id));
  return { ...graph, nodes: kept.reverse(), variables };
}

export const elements = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
