// A program run op by op through TensorFlow's eager runtime: nothing to compile, slow steps, good for short runs and
// for finding the op that makes a NaN.
import { EngineError } from '../errors.ts';
import { elements, isConst, type Graph, type GraphDType, type TypedData } from '../graph/graph.ts';
import { createTensor, nativeAttr, type NativeBinding } from './binding.ts';
import type { ProgramDeclaration, VariableDeclaration } from './protocol.ts';
import type { LoadedProgram } from './sessionProgram.ts';

/** For every node, the values nobody needs after it. */
function lastUses(graph: Graph): Map<number, number[]> {
  const last = new Map<number, number>();
  graph.nodes.forEach((node, at) => {
    for (const value of [...node.outputs, ...node.inputs]) last.set(value.id, at);
  });
  const kept = [...graph.outputs.values(), ...graph.inputs.values(), ...graph.variables.flatMap((use) => [use.read, use.write ?? use.read])];
  for (const value of kept) last.delete(value.id);
  const byNode = new Map<number, number[]>();
  for (const [id, at] of last) byNode.set(at, [...(byNode.get(at) ?? []), id]);
  return byNode;
}

export function replayProgram(binding: NativeBinding, graphs: readonly Graph[], program: ProgramDeclaration): LoadedProgram {
  const indexOf = new Map(program.variables.map(({ name }, i) => [name, i]));
  const tensors: number[] = []; // of the variables
  const prepared = new Map(graphs.map((graph) => [graph.name, { graph, free: lastUses(graph) }]));

  const convert = (id: number, from: GraphDType, to: GraphDType): number => {
    if (from === to) return id;
    const attrs = [nativeAttr('SrcT', { kind: 'type', value: from }), nativeAttr('DstT', { kind: 'type', value: to })];
    const [result] = binding.executeOp('Cast', attrs, [id], 1);
    binding.deleteTensor(id);
    return result?.id ?? id;
  };
  const put = (index: number, id: number): void => {
    const old = tensors[index];
    if (old !== undefined) binding.deleteTensor(old);
    tensors[index] = id;
  };
  const copy = (id: number): number => binding.executeOp('Identity', [], [id], 1)[0]?.id ?? id;
  const fill = (index: number, { shape, dtype, storage }: VariableDeclaration, data: TypedData): void => {
    put(index, convert(createTensor(binding, shape, dtype, data), dtype, storage));
  };
  const nought = ({ shape, dtype }: VariableDeclaration): TypedData =>
    dtype === 'int32' ? new Int32Array(elements(shape)) : new Float32Array(elements(shape));

  program.variables.forEach((variable, index) => {
    fill(index, variable, nought(variable));
  });

  return {
    run({ name, inputs, outputs }, feeds) {
      const { graph, free } = prepared.get(name) ?? {};
      if (graph === undefined || free === undefined) throw new EngineError('no such function', { where: name });
      const ids = new Map<number, number>();
      const own = new Set<number>();
      const hold = (value: number, id: number): void => {
        ids.set(value, id);
        own.add(value);
      };
      const drop = (value: number): void => {
        const id = ids.get(value);
        if (id !== undefined && own.delete(value)) binding.deleteTensor(id);
      };
      try {
        for (const { key, shape, dtype } of inputs) {
          const value = graph.inputs.get(key);
          if (value) hold(value.id, createTensor(binding, shape, dtype as GraphDType, feeds[key] ?? new Float32Array()));
        }
        for (const use of graph.variables) {
          const index = indexOf.get(use.name) ?? -1;
          const stored = program.variables[index]?.storage ?? 'float32';
          hold(use.read.id, convert(copy(tensors[index] ?? -1), stored, use.read.dtype));
        }
        graph.nodes.forEach((node, at) => {
          if (isConst(node)) {
            for (const { id, shape, dtype } of node.outputs) hold(id, createTensor(binding, shape, dtype, node.data));
          } else {
            const attrs = Object.entries(node.attrs).map(([key, attr]) => nativeAttr(key, attr));
            const inputIds = node.inputs.map((value) => ids.get(value.id) ?? -1);
            const results = binding.executeOp(node.op, attrs, inputIds, node.outputs.length);
            node.outputs.forEach((output, i) => {
              hold(output.id, results[i]?.id ?? -1);
            });
          }
          free.get(at)?.forEach(drop);
        });
        const results = outputs.map((key) => [key, binding.tensorDataSync(ids.get(graph.outputs.get(key)?.id ?? -1) ?? -1)]);
        for (const use of graph.variables) {
          if (use.write === undefined) continue;
          const index = indexOf.get(use.name) ?? -1;
          const stored = program.variables[index]?.storage ?? 'float32';
          put(index, convert(copy(ids.get(use.write.id) ?? -1), use.write.dtype, stored));
        }
        return Object.fromEntries(results) as Record<string, TypedData>;
      } finally {
        for (const value of [...own]) drop(value);
      }
    },
    assign: fill,
    zero: (index, variable) => {
      fill(index, variable, nought(variable));
    },
    value(index) {
      const { dtype, storage } = program.variables[index] ?? { dtype: 'float32', storage: 'float32' };
      const id = convert(copy(tensors[index] ?? -1), storage, dtype);
      const data = binding.tensorDataSync(id);
      binding.deleteTensor(id);
      return data;
    },
    dispose() {
      for (const id of tensors) binding.deleteTensor(id);
      tensors.length = 0;
    },
  };
}
