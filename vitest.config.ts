import { defineConfig } from 'vitest/config';

// Tests resolve workspace packages to their sources. What they train is small, and much of their time is one thread
// that traces or compiles, so two files run at once; the real commands of e2e want all the cores.
const conditions = ['@likeness/source'];
const resolve = { resolve: { conditions }, ssr: { resolve: { conditions } } };

export default defineConfig({
  test: {
    projects: [
      {
        ...resolve,
        test: {
          name: 'packages',
          include: ['packages/*/src/**/*.test.ts', 'packages/doodle/data/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Mutated inputs for readers, numbered and repeatable: see fuzz/README.md.
        ...resolve,
        test: { name: 'fuzz', include: ['fuzz/targets/*.fuzz.ts'], pool: 'forks', maxWorkers: 2 },
      },
      {
        // The real command from packed packages: see scripts/pack.mjs.
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
