// Stage 4: training. Samples at step 0 and every N steps, checkpoints, an end at any whole step.
import type { Stage } from '../contracts.ts';
import { baseWeights } from '../training/machine.ts';
import { loadCheckpoint, writeCheckpoint } from '../training/checkpoint.ts';
import { Trainer, type StepResult } from '../training/trainer.ts';
import type { EncodedData } from '../training/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import { writeSamples } from './samples.ts';
import type { RunState } from './run.ts';

export interface TrainingInput {
  readonly data: EncodedData;
  readonly dataset: Dataset;
}

export interface TrainingResult {
  /** Steps done, in this run and before it. */
  readonly step: number;
  readonly finished: boolean;
  readonly checkpoint?: string;
  readonly sheet?: string;
  readonly last?: StepResult;
}

/** How many step times the estimate of what is left looks at. */
const REMEMBERED_STEPS = 20;

export const trainingStage: Stage<TrainingInput, TrainingResult, RunState> = {
  name: 'training',
  async run({ data, dataset }, state) {
    const { config, machine, model, container, folder, train, trainables, signal, emit, from } = state;
    const { program } = machine;
    const kept = [...train.trained, ...train.state];
    await program.load(baseWeights(model, program, (name) => train.averageOf.get(name) ?? name));

    let step = from ? await loadCheckpoint(from.folder, program, kept, state.resumeIdentity) : 0;
    const trainer = new Trainer({
      program,
      model,
      config,
      groups: trainables.flatMap(({ groups }) => groups),
      lossTerms: container.lossTerms,
      lrSchedule: container.lrSchedule,
      data,
      trainsTextEncoder: state.trainsTextEncoder,
      drawn: train.drawn,
    });
    let checkpoint = from?.folder;
    let checkpointStep = from ? step : -1;
    const save = async (): Promise<void> => {
      if (step === checkpointStep) return;
      const saved = await folder.checkpoints.save(step, (target) =>
        writeCheckpoint(target, program, kept, { step, identity: state.resumeIdentity }),
      );
      [checkpoint, checkpointStep] = [saved.folder, step];
      emit({ type: 'checkpoint-saved', step, folder: saved.folder, bytes: saved.bytes });
    };

    let sheet: string | undefined;
    const sample = async (): Promise<void> => {
      if (config.samples) sheet = await writeSamples(state, dataset, step);
    };
    if (step === 0) await sample();

    let last: StepResult | undefined;
    let memoryBytes = (await machine.engine.stats()).rssBytes;
    const seconds: number[] = [];
    while (step < config.maxTrainSteps && !signal.aborted) {
      const start = performance.now();
      last = await trainer.step(step, checkpoint);
      step++;
      seconds.push((performance.now() - start) / 1000);
      if (seconds.length > REMEMBERED_STEPS) seconds.shift();
      if (step % 10 === 1) memoryBytes = (await machine.engine.stats()).rssBytes;
      const secondsPerStep = median(seconds);
      emit({
        type: 'step',
        step,
        maxTrainSteps: config.maxTrainSteps,
        ...last,
        secondsPerStep,
        secondsLeft: secondsPerStep * (config.maxTrainSteps - step),
        memoryBytes,
      });
      const due = step % config.checkpointingSteps === 0 || step === config.maxTrainSteps;
      if (due || signal.aborted) await save();
      const look = step % config.sampleEverySteps === 0 || step === config.maxTrainSteps;
      if (look && !signal.aborted) await sample();
    }
    if (step > 0) await save();
    return {
      step,
      finished: step >= config.maxTrainSteps,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(sheet === undefined ? {} : { sheet }),
      ...(last === undefined ? {} : { last }),
    };
  },
};

/** The first call of a step compiles it: the median does not see that. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
