// A function compiled by TensorFlow: one call, in which the variables are read and assigned.
import type { TypedData } from '../graph/graph.ts';
import { createTensor, takeTensor, type NativeBinding } from './binding.ts';
import type { FunctionDeclaration } from './protocol.ts';
import type { VariableStore } from './variableStore.ts';

/** A function of a program, however it is executed. */
export interface LoadedFunction {
  run(feeds: Readonly<Record<string, TypedData>>): Record<string, TypedData>;
  dispose(): void;
}

/** Equal functions have equal names (a hash), and programs may share them. */
const users = new Map<string, number>();

export function compiledFunction(
  binding: NativeBinding,
  { inputs, outputs }: FunctionDeclaration,
  { name, definition, variables }: { name: string; definition: Uint8Array; variables: readonly string[] },
  store: VariableStore,
): LoadedFunction {
  const before = users.get(name) ?? 0;
  if (before === 0) binding.addFunction(definition);
  users.set(name, before + 1);
  return {
    run(feeds) {
      const fed = inputs.map(({ key, shape, dtype }) =>
        createTensor(binding, shape, dtype, feeds[key] ?? new Float32Array()),
      );
      try {
        const handles = variables.map((variable) => store.get(variable).handle);
        const ids = binding.execute(name, [], [...fed, ...handles], outputs.length);
        return Object.fromEntries(
          outputs.map(({ key, dtype }, i) => [key, takeTensor(binding, ids[i] ?? -1, dtype)]),
        );
      } finally {
        for (const id of fed) binding.deleteTensor(id);
      }
    },
    dispose() {
      const left = (users.get(name) ?? 1) - 1;
      users.set(name, left);
      if (left === 0) binding.removeFunction(name);
    },
  };
}
