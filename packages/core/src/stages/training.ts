// Stage 4: training. Samples at step 0 and every N steps, checkpoints, an end at any whole step.
import type { Stage } from '../contracts.ts';
import { baseWeights } from '../training/machine.ts';
import { loadCheckpoint, writeCheckpoint } from '../training/checkpoint.ts';
import { Trainer } from '../training/trainer.ts';
import { dropOldEnds } from '../training/extendRecord.ts';
import { runTrainingLoop, type LoopEnd } from '../training/trainingLoop.ts';
import type { EncodedData } from '../training/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import { earlyStopOf, readEvents } from '../runFolder/eventLog.ts';
import { showSamples } from './watching.ts';
import { writeSamples } from './samples.ts';
import type { RunState } from './run.ts';

export interface TrainingInput {
  readonly data: EncodedData;
  readonly dataset: Dataset;
}

export interface TrainingResult extends LoopEnd {
  readonly checkpoint?: string;
  readonly sheet?: string;
}

export const trainingStage: Stage<TrainingInput, TrainingResult, RunState> = {
  name: 'training',
  async run({ data, dataset }, state) {
    const { config, machine, model, container, folder, train, trainables, signal, emit, from, watch } = state;
    const { program } = machine;
    const kept = [...train.trained, ...train.state];
    await program.load(baseWeights(model, program, (name) => train.averageOf.get(name) ?? name));

    let step = from
      ? await loadCheckpoint(from.folder, program, kept, state.resumeIdentity, state.readSaved)
      : 0;
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
    // A killed process may have stopped by its rule and not exported yet.
    let maxTrainSteps = earlyStopOf(readEvents(folder.path)) ?? config.maxTrainSteps;
    const sample = async (): Promise<void> => {
      if (!config.samples) return;
      const samples = await writeSamples(state, dataset, step);
      ({ sheet } = samples);
      if (watch && (await showSamples(state, watch, samples, step))) maxTrainSteps = step;
    };
    if (step === 0) await sample();

    const end = await runTrainingLoop({
      emit,
      signal,
      firstStep: step,
      maxTrainSteps: () => maxTrainSteps,
      step: (number) => trainer.step(number, checkpoint),
      memoryBytes: async () => (await machine.engine.stats()).rssBytes,
      after: async (done) => {
        step = done;
        const isLast = step === config.maxTrainSteps;
        const look = (step % config.sampleEverySteps === 0 || isLast) && !signal.aborted;
        // What is found decides whether training goes on, so it is found before the checkpoint goes on from here.
        if (look && watch) await sample();
        if (step % config.checkpointingSteps === 0 || isLast || signal.aborted) await save();
        if (look && !watch) await sample();
      },
    });
    if (step > 0) await save();
    if (end.finished) await dropOldEnds(folder, config);
    return {
      ...end,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(sheet === undefined ? {} : { sheet }),
    };
  },
};
