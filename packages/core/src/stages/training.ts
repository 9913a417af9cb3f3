// Stage 4: training. Samples at step 0 and every N steps, checkpoints, an end at any whole step.
import type { Stage } from '../contracts.ts';
import { baseWeights } from '../training/machine.ts';
import { loadCheckpoint, writeCheckpoint } from '../training/checkpoint.ts';
import { Trainer } from '../training/trainer.ts';
import { runTrainingLoop, type LoopEnd } from '../training/trainingLoop.ts';
import type { EncodedData } from '../training/batch.ts';
import type { Dataset } from '../data/dataset.ts';
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

    const end = await runTrainingLoop({
      emit,
      signal,
      firstStep: step,
      maxTrainSteps: () => config.maxTrainSteps,
      step: (number) => trainer.step(number, checkpoint),
      memoryBytes: async () => (await machine.engine.stats()).rssBytes,
      after: async (done) => {
        step = done;
        const due = step % config.checkpointingSteps === 0 || step === config.maxTrainSteps;
        if (due || signal.aborted) await save();
        const look = step % config.sampleEverySteps === 0 || step === config.maxTrainSteps;
        if (look && !signal.aborted) await sample();
      },
    });
    if (step > 0) await save();
    return {
      ...end,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(sheet === undefined ? {} : { sheet }),
    };
  },
};
