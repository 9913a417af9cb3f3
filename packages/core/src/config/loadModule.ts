// Loads a user's TypeScript or JavaScript file. Its `@likeness/core` and `zod` are always the running copies, wherever
// the file lies and whether or not they can be resolved from there.
import { createJiti } from 'jiti';
import * as zod from 'zod';

/**
 * The exports of a module by path.
 * @param modules further packages whose running copies it gets, by name
 */
export async function loadModule(
  path: string,
  modules: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  // Loaded when needed: this file is itself part of core's index.
  const core: unknown = await import('../index.ts');
  const jiti = createJiti(import.meta.url, {
    virtualModules: { ...modules, '@likeness/core': core, zod },
    interopDefault: false,
    moduleCache: false,
    // Compiled files are small; leaving them behind in a shared folder would be worse than compiling again.
    fsCache: false,
  });
  return jiti.import<Record<string, unknown>>(path);
}
