// Stage 3: training of one network, whichever it is: an objective's steps, with checkpoints, measures and samples by
// the minute, and an end at any whole step. Batches are drawn while the step before them runs.
import {
  checked,
  endEngineOnStop,
  loadCheckpoint,
  progressReporter,
  runTrainingLoop,
  updateScalars,
  writeCheckpoint,
  type LoopEnd,
  type ParameterGroup,
  type Stage,
  type StepResult,
  type TypedData,
} from '@likeness/core';
import { trainingOf } from '../config.ts';
import { rateSchedule } from '../learningRate.ts';
import type { Feeds } from '../objective.ts';
import { StepPlan } from '../stepPlan.ts';
import type { ComputeSetting, Prepared, PretrainState } from './context.ts';
import { writeLook } from './look.ts';
import { loadFirstWeights, stepName } from './prepare.ts';

export interface Trained extends LoopEnd {
  readonly checkpoint?: string;
  readonly sheet?: string;
  readonly measures: Readonly<Record<string, number>>;
}

/** Steps that are timed before a budget of minutes becomes a number of steps; the first ones compile. */
const TIMED_STEPS = 5;

export const trainingStage: Stage<undefined, Trained, PretrainState> = {
  name: 'training',
  async run(_, state) {
    const { config, network, machine, update, folder, from, emit, signal } = state;
    const { program } = machine;
    const identity = { ...state.identity, data: state.pictures.hash, program: program.facts.identity };
    const kept = [...update.trained, ...update.state];
    const plan = await StepPlan.open({ folder: folder.path, ...trainingOf(config, network) });
    const { engine, isCompiling } = machine;
    if (!plan.isMade) await endEngineOnStop(engine, signal, () => rehearse(state, plan));
    let step = from ? await loadCheckpoint(from.folder, program, kept, identity) : 0;
    plan.startAt(step);

    let checkpoint = from?.folder;
    let checkpointStep = from ? step : -1;
    const save = async (): Promise<void> => {
      if (step === checkpointStep) return;
      await plan.keep(step);
      const saved = await folder.checkpoints.save(step, (target) =>
        writeCheckpoint(target, program, kept, { step, identity }),
      );
      [checkpoint, checkpointStep] = [saved.folder, step];
      emit({ type: 'checkpoint-saved', step, folder: saved.folder, bytes: saved.bytes });
    };
    let measures: Readonly<Record<string, number>> = {};
    let sheet: string | undefined;
    const measure = async (): Promise<void> => {
      await onAverages(state, async () => {
        measures = await state.objective.measure(program);
      });
      emit({ type: 'measured', step, measures });
    };
    const look = async (): Promise<void> => {
      await onAverages(state, async () => {
        sheet = (await writeLook(state, step)) ?? sheet;
      });
    };
    const due = {
      save: every(config.checkpointMinutes),
      measure: every(config.measureMinutes),
      look: every(config.sampleMinutes),
    };

    const takeStep = stepTaker(state, plan, () => checkpoint);
    if (step === 0) await measure();
    const end = await runTrainingLoop({
      emit,
      signal,
      firstStep: step,
      maxTrainSteps: () => (plan.isOver ? Math.min(step, plan.total) : plan.total),
      step: (number) =>
        number === 0 || number === checkpointStep
          ? endEngineOnStop(engine, signal, () => takeStep(number), isCompiling)
          : takeStep(number),
      memoryBytes: async () => (await machine.engine.stats()).rssBytes,
      secondsLeft: (left, perStep) => plan.secondsLeft(left, perStep),
      after: async (done, last) => {
        step = done;
        const isEnd = last || plan.isOver;
        if (due.save() || isEnd) await save();
        if (signal.aborted) return;
        if (due.measure() || isEnd) await measure();
        if (due.look() || isEnd) await look();
      },
    });
    if (step > 0) await save();
    if (end.finished && step < plan.total) {
      const text = `the minutes were over after ${step} of ${plan.total} planned steps: the learning rate has not come to its end`;
      emit({ type: 'warning', code: 'pretrain/minutes-over', text });
    }
    return {
      ...end,
      measures,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(sheet === undefined ? {} : { sheet }),
    };
  },
};

interface Drawn {
  readonly step: number;
  readonly loss: string;
  readonly feeds: Promise<Feeds>;
}

type TakeStep = (step: number) => Promise<StepResult>;

/** Runs a step, and meanwhile draws the batch of the next one. */
export function stepTaker(
  state: Prepared<ComputeSetting>,
  plan: StepPlan,
  checkpoint: () => string | undefined,
): TakeStep {
  const { objective, machine, config, network } = state;
  const training = trainingOf(config, network);
  const schedules = new Map<number, (step: number) => number>();
  const rateAt = (step: number): number => {
    const total = plan.totalAt(step);
    const known = schedules.get(total) ?? rateSchedule(training, total);
    schedules.set(total, known);
    return training.learningRate * known(step);
  };
  const shareOf = (group: ParameterGroup): number =>
    (group.learningRate ?? training.learningRate) / training.learningRate;
  const draw = (step: number): Drawn => {
    const loss = objective.lossAt(step, plan.totalAt(step));
    return { step, loss, feeds: objective.batchOf(loss, step) };
  };
  let ahead: Drawn | undefined;
  return async (step) => {
    const { loss, feeds } = ahead?.step === step ? ahead : draw(step);
    const batch = await feeds;
    const rate = rateAt(step);
    const learningRates = objective.groups.map((group) => shareOf(group) * rate);
    const scalars = updateScalars(step, {
      learningRates,
      adamBeta1: training.adamBeta1,
      adamBeta2: training.adamBeta2,
      emaDecay: training.emaDecay > 0 ? training.emaDecay : undefined,
    });
    const running = machine.program.run(stepName(loss), { ...batch, ...scalars });
    ahead = draw(step + 1);
    // Should it fail, whoever takes the next step is told.
    ahead.feeds.catch(() => undefined);
    const outputs = await running;
    return checked(
      step,
      resultOf(
        outputs,
        objective.groups.map((group) => [group.name, shareOf(group) * rate]),
      ),
      checkpoint(),
    );
  };
}

function resultOf(outputs: Readonly<Record<string, TypedData>>, rates: [string, number][]): StepResult {
  const scalar = (key: string): number => outputs[key]?.[0] ?? Number.NaN;
  const terms = Object.keys(outputs).flatMap((key) =>
    key.startsWith('term.') ? [[key.slice('term.'.length), scalar(key)] as const] : [],
  );
  return {
    loss: scalar('loss'),
    terms: Object.fromEntries(terms),
    gradientNorm: scalar('gradientNorm'),
    learningRates: Object.fromEntries(rates),
  };
}

/**
 * Times steps of every kind and plans by them, then forgets what they did to the weights: a budget of minutes has to
 * become a number of steps before the first step, since schedules are functions of it.
 */
async function rehearse(state: PretrainState, plan: StepPlan): Promise<void> {
  const { objective, machine, emit, signal } = state;
  const report = progressReporter({ emit }, 'compiling', 'steps');
  const scalars = updateScalars(0, {
    learningRates: objective.groups.map(() => 0),
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    emaDecay: 0,
  });
  const { emaDecay: _, ...withoutAverage } = scalars;
  const fed = state.update.swapAverages ? scalars : withoutAverage;
  let perStep = 0;
  const entries = Object.entries(objective.losses).filter(([, { share }]) => share > 0);
  for (const [loss, { share }] of entries) {
    const feeds = await objective.batchOf(loss, 0);
    const seconds: number[] = [];
    for (let i = 0; i <= TIMED_STEPS; i++) {
      const start = performance.now();
      await machine.program.run(stepName(loss), { ...feeds, ...fed });
      if (i > 0) seconds.push((performance.now() - start) / 1000);
      report(i, TIMED_STEPS, 'timing steps');
      signal.throwIfAborted();
    }
    perStep += share * (seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0);
  }
  await loadFirstWeights(state);
  await plan.make(perStep);
}

/** Runs something while the averaged weights stand in the place of the trained ones. */
async function onAverages({ machine, update }: PretrainState, work: () => Promise<void>): Promise<void> {
  if (!update.swapAverages) return work();
  const swap = (): Promise<unknown> => machine.program.run('swapAverages', { one: Float32Array.of(1) });
  await swap();
  try {
    await work();
  } finally {
    await swap();
  }
}

/** Whether so many minutes have passed since it last said so. */
function every(minutes: number): () => boolean {
  let last = performance.now();
  return () => {
    const now = performance.now();
    if (now - last < minutes * 60_000) return false;
    last = now;
    return true;
  };
}
