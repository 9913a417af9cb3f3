// Gradient checkpointing as a graph pass. Ops recorded inside a block whose values only the backward pass wants are
// copied to where it first wants them; the copies read the block's inputs and weights through an optimization barrier,
// together with the gradient that arrives there, so that XLA neither merges them with the originals nor runs them
// early: not even a weight's cast is kept. (jax.checkpoint does the same with its `optimization_barrier`.)
import type { CheckpointBlock } from '../recording/recorder.ts';
import { isConst, type Graph, type GraphNode, type Value } from './graph.ts';

/** Nodes that stand in for a block's own, and where they go. */
interface Copy {
  readonly before: number;
  readonly nodes: readonly GraphNode[];
  readonly replaced: ReadonlyMap<number, Value>;
}

export function rematerialise(graph: Graph, blocks: readonly CheckpointBlock[]): Graph {
  let nextId = graph.nextId;
  const fresh = (value: Value): Value => ({ ...value, id: nextId++ });
  const constants = new Set(graph.nodes.filter(isConst).flatMap((node) => node.outputs.map(({ id }) => id)));
  const producedAt = new Map<number, number>();
  graph.nodes.forEach((node, at) => {
    for (const { id } of node.outputs) producedAt.set(id, at);
  });

  const copies = blocks.flatMap((block) => {
    const copy = copyBlock(graph, block, constants, producedAt, fresh);
    return copy ? [copy] : [];
  });
  if (copies.length === 0) return graph;
  const byPosition = new Map<number, GraphNode[]>();
  const replaced = new Map<number, { from: number; value: Value }>();
  for (const copy of copies) {
    byPosition.set(copy.before, [...(byPosition.get(copy.before) ?? []), ...copy.nodes]);
    for (const [id, value] of copy.replaced) replaced.set(id, { from: copy.before, value });
  }
  const nodes = graph.nodes.flatMap((node, at) => {
    const swap = (value: Value): Value => {
      const other = replaced.get(value.id);
      return other && at >= other.from ? other.value : value;
    };
    return [...(byPosition.get(at) ?? []), { ...node, inputs: node.inputs.map(swap) }];
  });
  return { ...graph, nodes, nextId };
}

function copyBlock(
  graph: Graph,
  block: CheckpointBlock,
  constants: ReadonlySet<number>,
  producedAt: ReadonlyMap<number, number>,
  fresh: (value: Value) => Value,
): Copy | undefined {
  const own = graph.nodes.filter((node) => node.block === block.id);
  const made = new Set(own.flatMap((node) => node.outputs.map(({ id }) => id)));
  const inner = new Set([...made].filter((id) => !block.outputs.has(id)));
  const end = graph.nodes.findLastIndex((node) => node.block === block.id);
  const before = graph.nodes.findIndex((node, at) => at > end && node.inputs.some(({ id }) => inner.has(id)));
  if (before < 0) return undefined;

  // The gradient arriving at the block: an input of its first reader that was computed after the block.
  const arriving = graph.nodes[before]?.inputs.find(
    ({ id }) => (producedAt.get(id) ?? -1) > end && !constants.has(id),
  );
  const entering = new Map<number, Value>();
  for (const { inputs } of own) {
    for (const value of inputs)
      if (!made.has(value.id) && !constants.has(value.id)) entering.set(value.id, value);
  }
  const barrierInputs = [...entering.values(), ...(arriving ? [arriving] : [])];
  const barrierOutputs = barrierInputs.map(fresh);
  const barrier: GraphNode = {
    op: 'XlaOptimizationBarrier',
    attrs: { T: { kind: 'types', value: barrierInputs.map(({ dtype }) => dtype) } },
    inputs: barrierInputs,
    outputs: barrierOutputs,
    block: 0,
  };
  const values = new Map<number, Value>();
  barrierInputs.forEach(({ id }, i) => {
    const output = barrierOutputs[i];
    if (output) values.set(id, output);
  });
  const nodes = own.map((node): GraphNode => {
    const outputs = node.outputs.map(fresh);
    const copy = {
      ...node,
      inputs: node.inputs.map((value) => values.get(value.id) ?? value),
      outputs,
      block: 0,
    };
    node.outputs.forEach(({ id }, i) => {
      const output = outputs[i];
      if (output) values.set(id, output);
    });
    return copy;
  });
  const replaced = new Map([...values].filter(([id]) => inner.has(id)));
  // Its use ties the recomputation to the backward pass: without it XLA drops the operand and may run the copies early.
  if (arriving) {
    const tied = values.get(arriving.id);
    if (tied) replaced.set(arriving.id, tied);
  }
  return { before, nodes: [barrier, ...nodes], replaced };
}
