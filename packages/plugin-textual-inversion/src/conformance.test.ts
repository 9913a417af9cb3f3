// The tests every plugin passes.
import { testPlugin } from '@likeness/core/testing';
import { assert, describe, it } from 'vitest';
import { textualInversion } from './index.ts';

testPlugin(textualInversion, {
  describe,
  it,
  assert,
  options: { numVectors: 2, initializerRandom: true },
  config: { learningRate: 1e-2, gradientAccumulationSteps: 1 },
});
