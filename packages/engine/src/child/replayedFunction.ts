// A function run op by op through TensorFlow's eager runtime: nothing to compile, slow steps. For short runs, and as
// the measure of everything else: every op is held to the shape it was traced with.
import { EngineError } from '../errors.ts';
import { isConst, type Graph, type OpNode, type TypedData } from '../graph/graph.ts';
import { TF_DTYPES } from '../recording/binding.ts';
import { createTensor, executeOne, nativeAttr, takeTensor, type NativeBinding } from './binding.ts';
import type { LoadedFunction } from './compiledFunction.ts';
import type { FunctionDeclaration } from './protocol.ts';
import type { VariableStore } from './variableStore.ts';

/** For every node, the values nobody needs after it. */
function lastUses(graph: Graph): ReadonlyMap<number, number[]> {
  const last = new Map<number, number>();
  graph.nodes.forEach((node, at) => {
    for (const value of [...node.outputs, ...node.inputs]) last.set(value.id, at);
  });
  for (const { id } of graph.outputs.values()) last.delete(id);
  for (const { write } of graph.variables) if (write) last.delete(write.id);
  const byNode = new Map<number, number[]>();
  for (const [id, at] of last) byNode.set(at, [...(byNode.get(at) ?? []), id]);
  return byNode;
}

/** @throws EngineError when a shape rule said something else than TensorFlow does */
function checkOutputs(binding: NativeBinding, node: OpNode, ids: readonly number[]): void {
  node.outputs.forEach(({ shape, dtype }, i) => {
    const executed = binding.describeTensor(ids[i] ?? -1);
    const traced = [TF_DTYPES[dtype], ...shape];
    if (executed.length === traced.length && executed.every((n, at) => n === traced[at])) return;
    throw new EngineError('the shape rule of an op is wrong', {
      code: 'engine/shape-rule',
      where: node.op,
      expected: `type ${traced[0] ?? ''} [${traced.slice(1).join()}]`,
      got: `type ${executed[0] ?? ''} [${executed.slice(1).join()}]`,
    });
  });
}

export function replayedFunction(
  binding: NativeBinding,
  { inputs, outputs }: FunctionDeclaration,
  graph: Graph,
  store: VariableStore,
): LoadedFunction {
  const free = lastUses(graph);
  return {
    run(feeds) {
      const ids = new Map<number, number>(); // value → tensor
      const drop = (value: number): void => {
        const id = ids.get(value);
        if (id !== undefined) binding.deleteTensor(id);
        ids.delete(value);
      };
      const idOf = (value: { id: number }): number => ids.get(value.id) ?? -1;
      const copyOf = (value: { id: number }): number => executeOne(binding, 'Identity', [], [idOf(value)]);
      try {
        for (const { key, shape, dtype } of inputs) {
          const value = graph.inputs.get(key);
          if (value) ids.set(value.id, createTensor(binding, shape, dtype, feeds[key] ?? new Float32Array()));
        }
        for (const { name, read } of graph.variables) ids.set(read.id, store.read(name));
        graph.nodes.forEach((node, at) => {
          if (isConst(node)) {
            for (const { id, shape, dtype } of node.outputs)
              ids.set(id, createTensor(binding, shape, dtype, node.data));
          } else {
            const attrs = Object.entries(node.attrs).map(([key, attr]) => nativeAttr(key, attr));
            const results = binding.execute(node.op, attrs, node.inputs.map(idOf), node.outputs.length);
            node.outputs.forEach((output, i) => ids.set(output.id, results[i] ?? -1));
            checkOutputs(binding, node, results);
          }
          free.get(at)?.forEach(drop);
        });
        // Assigned values may be outputs, inputs or other variables' values, too: each use gets its own tensor.
        const results = outputs.map(({ key, dtype }): [string, TypedData] => {
          const value = graph.outputs.get(key) ?? { id: -1 };
          return [key, takeTensor(binding, copyOf(value), dtype)];
        });
        for (const { name, write } of graph.variables) if (write) store.assign(name, copyOf(write));
        return Object.fromEntries(results);
      } finally {
        for (const value of [...ids.keys()]) drop(value);
      }
    },
    dispose: () => undefined,
  };
}
