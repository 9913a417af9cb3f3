// Scores of several runs on several tasks (here: seeds × subjects), as rliable sums them up.
// Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice".
import { unpairedWins } from './effectSizes.ts';
import { interquartileMean, mean, median } from './summary.ts';

/** [task][run]: runs of different tasks need not be as many. */
export type TaskScores = readonly (readonly number[])[];

export interface Aggregates {
  readonly mean: number;
  /** Of the tasks' means. */
  readonly median: number;
  /** Over all runs of all tasks. */
  readonly iqm: number;
  /** How far scores fall short of `target` on average; those above count 0. */
  readonly optimalityGap: number;
}

export function aggregateScores(tasks: TaskScores, target = 1): Aggregates {
  const means = tasks.map(mean);
  return {
    mean: mean(means),
    median: median(means),
    iqm: interquartileMean(tasks.flat()),
    optimalityGap: target - mean(tasks.flat().map((score) => Math.min(score, target))),
  };
}

/** P(a run of x beats a run of y on the same task), ties half, averaged over tasks. */
export function probabilityOfImprovement(x: TaskScores, y: TaskScores): number {
  return mean(x.map((runs, task) => winShare(runs, y[task] ?? [])));
}

/** Mann-Whitney's U over the number of pairs. */
export function winShare(x: readonly number[], y: readonly number[]): number {
  const [greater, less] = unpairedWins(x, y);
  const pairs = x.length * y.length;
  return (greater + (pairs - greater - less) / 2) / pairs;
}

/** Share of runs with a score above each threshold, averaged over tasks. */
export function performanceProfile(tasks: TaskScores, thresholds: readonly number[]): number[] {
  return thresholds.map((tau) => mean(tasks.map((runs) => shareAbove(runs, tau))));
}

/** Share of tasks whose mean score is above each threshold. */
export function averageProfile(tasks: TaskScores, thresholds: readonly number[]): number[] {
  return thresholds.map((tau) => shareAbove(tasks.map(mean), tau));
}

function shareAbove(scores: readonly number[], threshold: number): number {
  return scores.filter((score) => score > threshold).length / scores.length;
}

/** Runs drawn anew within each task: `indices[run][task]` picks one of the task's runs. */
export function stratifiedResample(tasks: TaskScores, indices: readonly (readonly number[])[]): number[][] {
  return tasks.map((runs, task) => indices.map((row) => runs[row[task] ?? -1] ?? Number.NaN));
}
