// A program compiled into a SavedModel: each function is one call into a TensorFlow session that holds the variables.
import { feedName, fetchName, variableOps } from '../emit/savedModel.ts';
import type { GraphDType, TypedData } from '../graph/graph.ts';
import { createTensor, type NativeBinding } from './binding.ts';
import type { FunctionDeclaration, ProgramDeclaration, VariableDeclaration } from './protocol.ts';

/** What the engine process can do with a program, however it is executed. */
export interface LoadedProgram {
  run(fn: FunctionDeclaration, feeds: Readonly<Record<string, TypedData>>): Record<string, TypedData>;
  assign(index: number, variable: VariableDeclaration, value: TypedData): void;
  zero(index: number, variable: VariableDeclaration): void;
  value(index: number): TypedData;
  dispose(): void;
}

export function sessionProgram(binding: NativeBinding, folder: string, program: ProgramDeclaration): LoadedProgram {
  const session = binding.loadSavedModel(folder, 'serve');

  /** Feeds, runs, reads back; every tensor made here is deleted here. */
  const call = (feeds: readonly [string, number][], fetches: readonly string[]): TypedData[] => {
    const inputIds = feeds.map(([, id]) => id);
    try {
      const outputs = binding.runSavedModel(session, inputIds, feeds.map(([name]) => name).join(), fetches.join());
      return outputs.map(({ id }) => {
        const data = binding.tensorDataSync(id);
        binding.deleteTensor(id);
        return data;
      });
    } finally {
      for (const id of inputIds) binding.deleteTensor(id);
    }
  };

  const zero = (index: number): void => void call([], [variableOps(index).zero]);
  program.variables.forEach((_, index) => {
    zero(index);
  });

  return {
    zero,
    run({ name, inputs, outputs }, feeds) {
      const ids = inputs.map(({ key, shape, dtype }): [string, number] => [
        feedName(name, key),
        createTensor(binding, shape, dtype as GraphDType, feeds[key] ?? new Float32Array()),
      ]);
      const results = call(ids, outputs.map((key) => fetchName(name, key)));
      return Object.fromEntries(outputs.map((key, i) => [key, results[i] ?? new Float32Array()]));
    },
    assign(index, { shape, dtype }, value) {
      const { value: feed, assign } = variableOps(index);
      call([[feed, createTensor(binding, shape, dtype, value)]], [assign]);
    },
    value: (index) => call([], [variableOps(index).read])[0] ?? new Float32Array(),
    dispose: () => binding.deleteSavedModel(session),
  };
}
