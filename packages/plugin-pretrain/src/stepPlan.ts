// How many steps there will be. Schedules depend on it, and a budget of minutes only says it once a step has been timed;
// so what was decided is written down before it counts, and a resumed run decides nothing a second time.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, parseJson, writeFileWhole } from '@likeness/core';
import { z } from 'zod';

/** From step `from` on, `total` steps in all are planned. */
interface Entry {
  readonly from: number;
  readonly total: number;
}

interface Stored {
  /** Seconds of training so far, over all processes that worked on the run. Not exact where one was killed. */
  readonly elapsedSeconds: number;
  readonly entries: readonly Entry[];
}

const FILE = 'plan.json';
/** A new plan that differs by less is not worth a kink in the schedule. */
const WORTH_PLANNING = 0.02;

export interface StepPlanOptions {
  /** The run's folder. */
  readonly folder: string;
  readonly maxTrainSteps?: number | undefined;
  readonly maxMinutes?: number | undefined;
}

const stored = z.object({
  elapsedSeconds: z.number(),
  entries: z.array(z.object({ from: z.number(), total: z.number() })),
});

/** @throws DataError when it is damaged: the steps left depend on what was planned */
function storedIn(text: string, where: string): Stored {
  const parsed = stored.safeParse(parseJson(text, where));
  if (parsed.success) return parsed.data;
  throw new DataError('the plan of the steps is damaged', {
    code: 'pretrain/damaged-plan',
    where,
    details: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    hint: 'restore it, or start the run again in another folder',
  });
}

export class StepPlan {
  private readonly path: string;
  private readonly options: StepPlanOptions;
  private entries: readonly Entry[];
  private readonly elapsedBefore: number;
  private readonly start = performance.now();
  private firstStep = 0;

  private constructor(options: StepPlanOptions, { entries, elapsedSeconds }: Stored) {
    this.options = options;
    this.path = join(options.folder, FILE);
    this.entries = entries;
    this.elapsedBefore = elapsedSeconds;
  }

  static async open(options: StepPlanOptions): Promise<StepPlan> {
    const text = await readFile(join(options.folder, FILE), 'utf8').catch(() => undefined);
    if (text !== undefined) return new StepPlan(options, storedIn(text, join(options.folder, FILE)));
    const { maxTrainSteps } = options;
    const entries = maxTrainSteps === undefined ? [] : [{ from: 0, total: maxTrainSteps }];
    return new StepPlan(options, { entries, elapsedSeconds: 0 });
  }

  /** Whether the number of steps is known; otherwise a step has to be timed first. */
  get isMade(): boolean {
    return this.entries.length > 0;
  }

  /** Steps in all, as a step sees it: what its schedule is a function of. */
  totalAt(step: number): number {
    return this.entries.findLast(({ from }) => from <= step)?.total ?? 0;
  }

  /** Steps in all as planned last. */
  get total(): number {
    return this.entries.at(-1)?.total ?? 0;
  }

  get elapsedSeconds(): number {
    return this.elapsedBefore + (performance.now() - this.start) / 1000;
  }

  /** The budget of minutes is used up. */
  get isOver(): boolean {
    const { maxMinutes } = this.options;
    return maxMinutes !== undefined && this.elapsedSeconds >= 60 * maxMinutes;
  }

  /** Seconds left of steps and budget, whichever ends first. */
  secondsLeft(stepsLeft: number, secondsPerStep: number): number {
    const { maxMinutes } = this.options;
    const bySteps = stepsLeft * secondsPerStep;
    return maxMinutes === undefined
      ? bySteps
      : Math.max(0, Math.min(bySteps, 60 * maxMinutes - this.elapsedSeconds));
  }

  /** Plans from the seconds a timed step took. Done once, before the first step. */
  async make(secondsPerStep: number): Promise<void> {
    const { maxMinutes = 0 } = this.options;
    const left = 60 * maxMinutes - this.elapsedSeconds;
    this.entries = [{ from: 0, total: Math.max(1, Math.floor(left / secondsPerStep)) }];
    await this.write();
  }

  /** Training goes on here: what a step costs, with everything around it, is measured from now. */
  startAt(step: number): void {
    this.firstStep = step;
  }

  /**
   * Keeps the time, and where only minutes end the run plans anew by what steps have cost so far. The new plan counts
   * from the step after the next one, whose batch may be drawn already.
   * @param done steps done
   */
  async keep(done: number): Promise<void> {
    const { maxMinutes, maxTrainSteps } = this.options;
    const ownSeconds = (performance.now() - this.start) / 1000;
    const ownSteps = done - this.firstStep;
    const isAhead = (this.entries.at(-1)?.from ?? 0) > done;
    if (maxMinutes !== undefined && maxTrainSteps === undefined && ownSteps > 0 && !isAhead && !this.isOver) {
      const left = (60 * maxMinutes - this.elapsedSeconds) / (ownSeconds / ownSteps);
      const total = Math.max(done + 1, Math.floor(done + left));
      if (Math.abs(total / this.total - 1) > WORTH_PLANNING)
        this.entries = [...this.entries, { from: done + 1, total }];
    }
    await this.write();
  }

  private async write(): Promise<void> {
    const stored: Stored = { elapsedSeconds: this.elapsedSeconds, entries: this.entries };
    await writeFileWhole(this.path, `${JSON.stringify(stored, undefined, 1)}\n`);
  }
}
