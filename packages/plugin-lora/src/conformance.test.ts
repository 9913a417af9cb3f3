// The tests every plugin passes, for LoRA and its relatives in every dialect that can hold them.
import { testPlugin } from '@likeness/core/testing';
import { assert, describe, it } from 'vitest';
import { lora, type LoraFormat } from './index.ts';

const config = { learningRate: 1e-2 };

const recipes: readonly (Record<string, unknown> & { format: LoraFormat })[] = [
  { format: 'diffusers', trainTextEncoder: true, textEncoderLearningRate: 1e-2, alpha: 2, rsLora: true },
  { format: 'kohya', targets: ['full'], rank: 2, blockRanks: ['down_blocks.**=3'], loraPlusRatio: 4 },
];
for (const options of recipes) {
  testPlugin(lora, { describe, it, assert, options, config });
}
