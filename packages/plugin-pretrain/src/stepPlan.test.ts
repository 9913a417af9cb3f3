import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { rateSchedule } from './learningRate.ts';
import { StepPlan } from './stepPlan.ts';

const stored = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as {
    entries: { from: number; total: number }[];
  };

it('steps that are named need no timing', async () => {
  const plan = await StepPlan.open({ folder: temporaryFolder(), maxTrainSteps: 10, maxMinutes: 1 });
  expect([plan.isMade, plan.total, plan.totalAt(3), plan.isOver]).toEqual([true, 10, 10, false]);
  await plan.keep(5);
  expect(plan.total).toBe(10);
});

it('minutes become steps once, and what was planned stands for whoever goes on', async () => {
  const folder = temporaryFolder();
  const plan = await StepPlan.open({ folder, maxMinutes: 1 });
  expect(plan.isMade).toBe(false);
  await plan.make(0.1);
  expect(plan.total).toBeGreaterThan(590);
  expect(plan.total).toBeLessThanOrEqual(600);
  const again = await StepPlan.open({ folder, maxMinutes: 1 });
  expect([again.isMade, again.total]).toEqual([true, plan.total]);
});

it('a new plan counts from the step after next on, and the old one before it', async () => {
  const folder = temporaryFolder();
  const plan = await StepPlan.open({ folder, maxMinutes: 1 });
  await plan.make(1);
  const { total } = plan;
  plan.startAt(0);
  await new Promise((done) => setTimeout(done, 50));
  await plan.keep(20); // twenty steps in no time: many more fit
  expect((await stored(folder)).entries).toEqual([
    { from: 0, total },
    { from: 21, total: plan.total },
  ]);
  expect(plan.total).toBeGreaterThan(2 * total);
  const again = await StepPlan.open({ folder, maxMinutes: 1 });
  expect([0, 20, 21, 500].map((step) => again.totalAt(step))).toEqual([total, total, plan.total, plan.total]);
  // Killed before step 21 was done: the plan is not made a second time.
  again.startAt(15);
  await again.keep(16);
  expect((await stored(folder)).entries).toHaveLength(2);
});

it('is over when the minutes are, those of earlier processes included', async () => {
  const folder = temporaryFolder();
  await writeFile(
    join(folder, 'plan.json'),
    JSON.stringify({ elapsedSeconds: 61, entries: [{ from: 0, total: 9 }] }),
  );
  const plan = await StepPlan.open({ folder, maxMinutes: 1 });
  expect([plan.isOver, plan.secondsLeft(5, 1)]).toEqual([true, 0]);
});

it('rates rise, hold, and come down over the steps there are', () => {
  const settings = { learningRate: 1, lrScheduler: 'cosine', lrWarmupSteps: 4, lrHoldShare: 0.5 } as const;
  const rate = rateSchedule(settings, 100);
  expect([0, 3, 4, 49, 50, 75].map((step) => Number(rate(step).toFixed(4)))).toEqual([
    0.2, 0.8, 1, 1, 1, 0.5,
  ]);
  expect(rate(99)).toBeLessThan(0.002);
  // A short run still comes to its rate.
  expect(rateSchedule({ ...settings, lrWarmupSteps: 1000 }, 20)(2)).toBe(1);
});
