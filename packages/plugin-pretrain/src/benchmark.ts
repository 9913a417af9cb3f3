// Steps of pretraining without a run around them, on made-up pictures: what `npm run bench -- pretrain` times.
import { join } from 'node:path';
import type { Cache, Machine, StepResult } from '@likeness/core';
import type { PretrainConfig } from './config.ts';
import type { PictureStore } from './data/pictureStore.ts';
import { objectiveOf } from './objectives/objectiveOf.ts';
import type { Training } from './stages/context.ts';
import { encodingStage } from './stages/encoding.ts';
import { prepare } from './stages/prepare.ts';
import { stepTaker } from './stages/training.ts';
import { StepPlan } from './stepPlan.ts';

export type BenchmarkOptions = Training & MadeUpData;

interface MadeUpData {
  readonly config: PretrainConfig;
  /** Pictures of the model's size, 8-bit RGB, one after the other. */
  readonly bytes: Uint8Array;
  readonly cache: Cache;
}

export interface BenchmarkSteps {
  /** A step as a run takes it: the next batch is drawn meanwhile. 0-based. */
  step(step: number): Promise<StepResult>;
  stats(): ReturnType<Machine['engine']['stats']>;
  close(): Promise<void>;
}

export async function benchmarkSteps(options: BenchmarkOptions): Promise<BenchmarkSteps> {
  const { config, bytes, cache, ...training } = options;
  const { resolution } = training.model;
  const size = resolution * resolution * 3;
  const pictures = Array.from({ length: bytes.length / size }, (_, i) => ({
    path: '',
    caption: `picture ${i % 16}`,
    columns: { kind: String(i % 16) },
  }));
  const store: PictureStore = {
    resolution,
    pictures,
    training: pictures.map((_, i) => i),
    heldOut: [],
    hash: 'made up',
    picturesHash: 'made up',
    read: async (numbers) => {
      const rows = new Uint8Array(numbers.length * size);
      numbers.forEach((number, row) => {
        rows.set(bytes.subarray(number * size, (number + 1) * size), row * size);
      });
      return rows;
    },
    close: async () => undefined,
  };
  const setting = {
    ...training,
    config,
    resolution,
    cache,
    emit: () => undefined,
    signal: new AbortController().signal,
    paths: { run: cache.dir, cache: cache.dir },
  };
  const objective = objectiveOf(setting, store);
  const state = await prepare(setting, store, objective);
  await encodingStage.run(undefined, state);
  const plan = await StepPlan.open({ folder: join(cache.dir, 'no-run'), maxTrainSteps: 1_000_000 });
  return {
    step: stepTaker(state, plan, () => undefined),
    stats: () => state.machine.engine.stats(),
    close: async () => {
      await state.machine.close();
      state.update.dispose();
      objective.close();
    },
  };
}
