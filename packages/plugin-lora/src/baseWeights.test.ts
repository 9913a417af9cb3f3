// Frozen weights held in bfloat16: what trains stays float32, and what is exported does not know of it.
import { join } from 'node:path';
import { readSafetensorsHeader } from '@likeness/core';
import { createTrial } from '@likeness/core/testing';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { expect, it } from 'vitest';
import { lora } from './index.ts';

it('rounds the base model and nothing else, in every mode', async () => {
  const trial = await createTrial({ plugins: [lora(), ppl({ target: 'frozen' })] });
  let runs = 0;
  const train = async (values: object): Promise<{ losses: number[]; frozen: number; dtypes: string[] }> => {
    const outputDir = join(trial.folder, `run-${runs++}`);
    const events = await trial.run({ maxTrainSteps: 3, outputDir, ...values });
    const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []));
    const file = join(outputDir, 'export/pytorch_lora_weights.safetensors');
    const { tensors } = await readSafetensorsHeader(file);
    return {
      losses: steps.map(({ loss }) => loss),
      frozen: steps[0]?.terms['prior_preservation'] ?? NaN,
      dtypes: [...new Set([...tensors.values()].map(({ dtype }) => dtype))],
    };
  };
  const whole = await train({});
  const bf16 = { baseWeights: 'bf16' };
  const half = await train(bf16);
  expect(half.dtypes).toEqual(['F32']);
  // The frozen model is the rounded one, too: nothing to correct at first.
  expect(half.frozen).toBeLessThan(1e-11);
  expect(half.losses).not.toEqual(whole.losses);
  half.losses.forEach((loss, step) => {
    expect(Math.abs(loss / (whole.losses[step] ?? NaN) - 1)).toBeLessThan(0.02);
  });
  for (const mode of ['eager', 'xla']) {
    (await train({ ...bf16, mode })).losses.forEach((loss, step) => {
      expect(Math.abs(loss / (half.losses[step] ?? NaN) - 1)).toBeLessThan(1e-3);
    });
  }
});

it('is refused where those weights train', async () => {
  const trial = await createTrial({ plugins: [dreambooth()] });
  expect(() => trial.resolve({ baseWeights: 'bf16' })).toThrow(
    /baseWeights: bf16 is for weights that stay as they are, and dreambooth trains them/,
  );
});
