import { defineConfig } from 'vitest/config';

// Tests resolve workspace packages to their sources; one worker, since every engine process wants all the cores.
const conditions = ['@likeness/source'];
const resolve = { resolve: { conditions }, ssr: { resolve: { conditions } } };

export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      {
        ...resolve,
        test: {
          name: 'packages',
          include: ['packages/*/src/**/*.test.ts', 'packages/doodle/data/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The real command from packed packages: see scripts/pack.mjs.
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
