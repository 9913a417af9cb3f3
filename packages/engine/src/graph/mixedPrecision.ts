// bfloat16 mixed precision as a graph pass: operands of matrix products and convolutions are cast down, results cast
// back up. Everything else - norms, softmax, sums, weights, optimizer - stays float32 (Micikevicius et al. 2018).
// Casts belong to the checkpointing block they are used in, so that cast weights need not be kept for the backward pass.
import type { Graph, GraphNode, Value } from './graph.ts';

const CAST_OPS = new Set(['BatchMatMulV2', 'Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter']);

export function toMixedPrecision(graph: Graph): Graph {
  let nextId = graph.nextId;
  /** A value's casts, by the block they are in. */
  const lowered = new Map<number, Map<number, Value>>();
  /** What was cast up to give a value. */
  const sources = new Map<number, Value>();
  const nodes: GraphNode[] = [];

  const cast = (from: Value, to: Value, block: number): GraphNode => ({
    op: 'Cast',
    attrs: { SrcT: { kind: 'type', value: from.dtype }, DstT: { kind: 'type', value: to.dtype } },
    inputs: [from],
    outputs: [to],
    block,
  });
  /** An operand in bfloat16; cast once a block, however often it is used. */
  const lower = (value: Value, block: number): Value => {
    if (value.dtype !== 'float32') return value;
    const source = sources.get(value.id);
    if (source !== undefined) return source;
    const casts = lowered.get(value.id) ?? new Map<number, Value>();
    lowered.set(value.id, casts);
    // The backward pass takes the cast of the one block that has one; a cast of several would tie them to each other.
    const known = casts.get(block) ?? (block === 0 && casts.size === 1 ? [...casts.values()][0] : undefined);
    if (known !== undefined) return known;
    const low: Value = { id: nextId++, shape: value.shape, dtype: 'bfloat16' };
    casts.set(block, low);
    nodes.push(cast(value, low, block));
    return low;
  };

  for (const node of graph.nodes) {
    const { block } = node;
    if (!CAST_OPS.has(node.op)) {
      nodes.push(node);
      const [from] = node.inputs;
      const [to] = node.outputs;
      if (node.op === 'Cast' && from?.dtype === 'bfloat16' && to) sources.set(to.id, from);
      continue;
    }
    const inputs = node.inputs.map((value) => lower(value, block));
    const outputs = node.outputs.map((value): Value => ({
      id: nextId++,
      shape: value.shape,
      dtype: 'bfloat16',
    }));
    nodes.push({
      ...node,
      attrs: { ...node.attrs, T: { kind: 'type', value: 'bfloat16' } },
      inputs,
      outputs,
    } as GraphNode);
    outputs.forEach((low, i) => {
      const high = node.outputs[i];
      if (high) nodes.push(cast(low, high, block));
    });
  }
  return { ...graph, nodes, nextId };
}
