// Learning-rate multipliers against diffusers' get_scheduler. The file's format: fixtures/README.md,
// `train-steps/lr-schedules.json`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { learningRateSchedule } from '@likeness/core';
import { z } from 'zod';

import { compareArrays, type Comparison } from './comparison.ts';

const description = z.object({
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  config: z.object({ steps: z.number(), warmup: z.number(), cycles: z.number(), power: z.number() }),
  lr_base: z.number(),
  multiplier_used_by_step: z.record(z.string(), z.array(z.number())),
});

/** One comparison per schedule of a `train-steps` folder. */
export async function* checkLrSchedules(folder: string): AsyncIterable<Comparison> {
  const text = await readFile(join(folder, 'lr-schedules.json'), 'utf8');
  const file = description.parse(JSON.parse(text));
  for (const [name, want] of Object.entries(file.multiplier_used_by_step)) {
    const multiplier = learningRateSchedule({
      name,
      numWarmupSteps: file.config.warmup,
      numTrainingSteps: file.config.steps,
      numCycles: file.config.cycles,
      power: file.config.power,
      initialLearningRate: file.lr_base,
    });
    const got = want.map((_, step) => multiplier(step) * file.lr_base);
    yield compareArrays(`lr-schedules.${name}`, got, want, file.tolerance);
  }
}
