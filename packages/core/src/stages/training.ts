// Stage 4: training. Samples at step 0 and every N steps, checkpoints, an end at any whole step.
import { dirname, join } from 'node:path';
import type { Stage } from '../contracts.ts';
import { baseWeights } from '../training/machine.ts';
import { loadCheckpoint, writeCheckpoint } from '../training/checkpoint.ts';
import { Trainer } from '../training/trainer.ts';
import { dropOldEnds } from '../training/extendRecord.ts';
import { endEngineOnStop } from '../training/endEngineOnStop.ts';
import { runTrainingLoop, type LoopEnd } from '../training/trainingLoop.ts';
import type { EncodedData } from '../training/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import { earlyStopOf, readEvents } from '../runFolder/eventLog.ts';
import { lastSamples } from '../runFolder/resumedLog.ts';
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
    const isDue = (everySteps: number): boolean =>
      step % everySteps === 0 || step === config.maxTrainSteps || step === maxTrainSteps;
    const save = async (): Promise<void> => {
      if (step === checkpointStep) return;
      const interim = isDue(config.checkpointingSteps) ? {} : { interim: true };
      const saved = await folder.checkpoints.save(step, (target) =>
        writeCheckpoint(target, program, kept, { step, identity: state.resumeIdentity, ...interim }),
      );
      [checkpoint, checkpointStep] = [saved.folder, step];
      emit({ type: 'checkpoint-saved', step, folder: saved.folder, bytes: saved.bytes });
    };

    // A killed process may have stopped by its rule and not exported yet.
    let maxTrainSteps = earlyStopOf(readEvents(folder.path)) ?? config.maxTrainSteps;
    // Every look is taken before the run is finished: one that was cut short by a stop is taken when it goes on.
    let lookedAt = lastSamples(folder.path)?.step ?? -1;
    const isLookDue = (): boolean =>
      config.samples &&
      lookedAt < step &&
      (step % config.sampleEverySteps === 0 || step === config.maxTrainSteps);
    const look = async (): Promise<void> => {
      if (!isLookDue() || signal.aborted) return;
      try {
        const samples = await writeSamples(state, dataset, step);
        lookedAt = step;
        if (watch && (await showSamples(state, watch, samples, step))) maxTrainSteps = step;
      } catch (error) {
        if (!signal.aborted || error !== signal.reason) throw error;
      }
    };
    // The process that wrote the checkpoint may have been killed before it could say so.
    const isTold = readEvents(folder.path).some(
      (event) => event.type === 'checkpoint-saved' && event.step === step,
    );
    if (from && !isTold && dirname(from.folder) === folder.checkpoints.folder)
      emit({ type: 'checkpoint-saved', step, folder: from.folder, bytes: from.bytes });
    /** Until there is a step that no checkpoint holds yet, a stop need not wait for the engine to compile. */
    const isSafe = (): boolean => step === 0 || step === checkpointStep;
    const unlessStopped = <T>(work: () => Promise<T>, mayEnd: () => boolean): Promise<T> =>
      isSafe() ? endEngineOnStop(machine.engine, signal, work, mayEnd) : work();
    await unlessStopped(look, () => true);

    const end = await runTrainingLoop({
      emit,
      signal,
      firstStep: step,
      maxTrainSteps: () => maxTrainSteps,
      step: (number) => unlessStopped(() => trainer.step(number, checkpoint), machine.isCompiling),
      memoryBytes: async () => (await machine.engine.stats()).rssBytes,
      after: async (done) => {
        step = done;
        // What is found decides whether training goes on, so it is found before the checkpoint goes on from here.
        if (watch) await look();
        if (isDue(config.checkpointingSteps) || signal.aborted) await save();
        if (!watch) await unlessStopped(look, () => true);
        if (signal.aborted) await save();
      },
    });
    if (step > 0) await save();
    const finished = end.finished && !isLookDue();
    if (finished) await dropOldEnds(folder, config);
    const sheet = lastSheet(folder.path);
    return {
      ...end,
      finished,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(sheet === undefined ? {} : { sheet }),
    };
  },
};

/** Of the last samples; they may be of an earlier process. */
function lastSheet(runFolder: string): string | undefined {
  const samples = lastSamples(runFolder);
  return samples && join(runFolder, samples.sheet);
}
