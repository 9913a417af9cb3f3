// What tfjs writes but nobody needs, and what runs better written otherwise: reshapes of reshapes, operations that
// change nothing, convolutions with 1×1 windows, which are matrix products over the channels.
import {
  elements,
  isConst,
  type Attr,
  type Graph,
  type GraphNode,
  type OpNode,
  type Value,
} from './graph.ts';

const sameShape = (a: Value, b: Value): boolean => a.shape.join() === b.shape.join();
const bool = (value: boolean): Attr => ({ kind: 'bool', value });

export function simplify(graph: Graph): Graph {
  let nextId = graph.nextId;
  const nodes: GraphNode[] = [];
  const producers = new Map<number, GraphNode>();
  const replaced = new Map<number, Value>();
  const constants = new Map<string, Value>();
  const current = (value: Value): Value => replaced.get(value.id) ?? value;

  const push = (node: GraphNode): void => {
    nodes.push(node);
    for (const { id } of node.outputs) producers.set(id, node);
  };
  const shapeConstant = (shape: readonly number[]): Value => {
    const key = shape.join();
    let value = constants.get(key);
    if (value === undefined) {
      value = { id: nextId++, shape: [shape.length], dtype: 'int32' };
      constants.set(key, value);
      push({ op: 'Const', attrs: {}, inputs: [], outputs: [value], data: Int32Array.from(shape), block: 0 });
    }
    return value;
  };
  /** The value in another shape; made into `output` where that is given. */
  const reshape = (value: Value, shape: readonly number[], output?: Value): Value => {
    const result = output ?? { ...value, id: nextId++, shape };
    const attrs = {
      T: { kind: 'type', value: value.dtype },
      Tshape: { kind: 'type', value: 'int32' },
    } as const;
    push({ op: 'Reshape', attrs, inputs: [value, shapeConstant(shape)], outputs: [result], block: 0 });
    return result;
  };
  const matMul = (a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value => {
    const rows = a.shape[transposeA ? 1 : 0] ?? 1;
    const columns = b.shape[transposeB ? 0 : 1] ?? 1;
    const result: Value = { id: nextId++, shape: [rows, columns], dtype: a.dtype };
    const attrs = {
      T: { kind: 'type', value: a.dtype },
      adj_x: bool(transposeA),
      adj_y: bool(transposeB),
    } as const;
    push({ op: 'BatchMatMulV2', attrs, inputs: [a, b], outputs: [result], block: 0 });
    return result;
  };
  /** Picture `[b, h, w, c]` or filter `[1, 1, i, o]` as a matrix with its last axis. */
  const matrix = (value: Value): Value => {
    const columns = value.shape.at(-1) ?? 1;
    return reshape(value, [elements(value.shape) / columns, columns]);
  };

  for (const node of graph.nodes) {
    const inputs = node.inputs.map(current);
    const [first, second, third] = inputs;
    const [output] = node.outputs;
    if (isConst(node) || first === undefined || output === undefined) {
      push(node);
      continue;
    }
    const same = equalInput(node, inputs, producers);
    if (same !== undefined) {
      replaced.set(output.id, same);
    } else if (node.op === 'Reshape') {
      const before = producers.get(first.id);
      const root = before?.op === 'Reshape' ? before.inputs[0] : undefined;
      if (root && sameShape(root, output)) replaced.set(output.id, root);
      else push({ ...node, inputs: [root ?? first, ...inputs.slice(1)] });
    } else if (isPointwise(node) && second && third === undefined) {
      reshape(matMul(matrix(first), matrix(second), false, false), output.shape, output);
    } else if (isPointwise(node) && node.op === 'Conv2DBackpropInput' && second && third) {
      reshape(matMul(matrix(third), matrix(second), false, true), output.shape, output);
    } else if (isPointwise(node) && third) {
      reshape(matMul(matrix(first), matrix(third), true, false), output.shape, output);
    } else {
      push({ ...node, inputs });
    }
  }
  const outputs = new Map([...graph.outputs].map(([key, value]) => [key, current(value)]));
  const variables = graph.variables.map((use) => (use.write ? { ...use, write: current(use.write) } : use));
  return { ...graph, nodes, outputs, variables, nextId };
}

const isOne = (node: GraphNode | undefined): boolean =>
  node !== undefined && isConst(node) && node.data.length === 1 && node.data[0] === 1;

/** The input that an operation gives back: no new shape, order or type; a factor of one that does not broadcast. */
function equalInput(
  { op, outputs }: OpNode,
  [first, second]: readonly Value[],
  producers: ReadonlyMap<number, GraphNode>,
): Value | undefined {
  const [output] = outputs;
  if (first === undefined || output === undefined) return undefined;
  switch (op) {
    case 'Reshape':
      return sameShape(first, output) ? first : undefined;
    case 'Cast':
      return first.dtype === output.dtype ? first : undefined;
    case 'Transpose': {
      const order = second && producers.get(second.id);
      return order && isConst(order) && order.data.every((axis, i) => axis === i) ? first : undefined;
    }
    case 'Mul':
      if (second === undefined) return undefined;
      if (isOne(producers.get(second.id)) && sameShape(first, output)) return first;
      return isOne(producers.get(first.id)) && sameShape(second, output) ? second : undefined;
    default:
      return undefined;
  }
}

/** A convolution, or a gradient of one, with a 1×1 window and without strides. */
function isPointwise({ op, attrs, inputs, outputs }: OpNode): boolean {
  const filter = { Conv2D: inputs[1], Conv2DBackpropInput: inputs[1], Conv2DBackpropFilter: outputs[0] }[op];
  const { strides, padding } = attrs;
  return (
    filter?.shape[0] === 1 &&
    filter.shape[1] === 1 &&
    strides?.kind === 'ints' &&
    strides.value.every((stride) => stride === 1) &&
    padding?.value !== 'EXPLICIT'
  );
}
