import { defineConfig } from 'vitest/config';

// Tests resolve workspace packages to their sources; one worker, since every engine process wants all the cores.
export default defineConfig({
  resolve: { conditions: ['@likeness/source'] },
  ssr: { resolve: { conditions: ['@likeness/source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
