// bfloat16 mixed precision as a graph pass: operands of matrix products and convolutions are cast down, results cast
// back up. Everything else - norms, softmax, sums, weights, optimizer - stays float32 (Micikevicius et al. 2018).
import type { Graph, GraphNode, Value } from './graph.ts';

const CAST_OPS = new Set(['BatchMatMulV2', 'Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter']);

export function toMixedPrecision(graph: Graph): Graph {
  let nextId = graph.nextId;
  const lowered = new Map<number, Value>();
  const nodes: GraphNode[] = [];

  const cast = (from: Value, to: Value): GraphNode => ({
    op: 'Cast',
    attrs: { SrcT: { kind: 'type', value: from.dtype }, DstT: { kind: 'type', value: to.dtype } },
    inputs: [from],
    outputs: [to],
    block: 0,
  });
  /** An operand in bfloat16; cast once, however often it is used. */
  const lower = (value: Value): Value => {
    if (value.dtype !== 'float32') return value;
    let low = lowered.get(value.id);
    if (low === undefined) {
      low = { id: nextId++, shape: value.shape, dtype: 'bfloat16' };
      lowered.set(value.id, low);
      nodes.push(cast(value, low));
    }
    return low;
  };

  for (const node of graph.nodes) {
    if (!CAST_OPS.has(node.op)) {
      nodes.push(node);
      continue;
    }
    const inputs = node.inputs.map(lower);
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
      if (high) nodes.push(cast(low, high));
    });
  }
  return { ...graph, nodes, nextId };
}
