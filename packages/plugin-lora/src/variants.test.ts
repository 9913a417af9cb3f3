// LoHa, LoKr and DoRA through the same contract, and beside prior preservation.
import { testPlugin } from '@likeness/core/testing';
import { ppl } from '@likeness/plugin-dreambooth';
import { assert, describe, it } from 'vitest';
import { lora } from './index.ts';

const config = { learningRate: 1e-2 };

for (const options of [
  { variant: 'loha', format: 'kohya', targets: ['**.to_q', 'conv1'], dora: true },
  { variant: 'lokr', format: 'kohya', targets: ['**.to_q', 'conv1'], rank: 2 },
]) {
  testPlugin(lora, { describe, it, assert, options, config });
}

testPlugin(lora, {
  describe,
  it,
  assert,
  options: { dora: true, format: 'peft', initialisation: 'kaiming' },
  beside: [ppl({ numClassImages: 2 })],
  config,
});
