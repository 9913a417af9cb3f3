// How long a matrix will take: layers are counted for every shape of step, one step is measured, and what is shared
// counts once. Cells of an earlier time that were measured say more than any count.
import { availableParallelism } from 'node:os';
import type { Plan, PlannedCell, TimingRecord } from '@likeness/ablation';
import type { CommandCellWork } from './cellWork.ts';
import { BUNDLED_MODEL } from '../composition.ts';
import { evaluationPictures } from './evaluateCell.ts';
import { BASE_EVALUATIONS, CLASS_PICTURES } from './sharedThings.ts';
import { estimateRun, type RunEstimate } from '../run/estimate.ts';
import { matrixFlopsPerSecond } from '../run/machineSpeed.ts';
import { measureStep, type MeasuredStep } from './measureStep.ts';

export interface MatrixEstimate {
  /** Of one cell, its class pictures left out, by id. */
  readonly cellSeconds: ReadonlyMap<string, number>;
  /** Class pictures and the base model's pictures, each set once. */
  readonly sharedSeconds: number;
  /** Of work, on one worker. */
  readonly workSeconds: number;
  /** On the clock, with so many workers. */
  readonly seconds: number;
  /** What the cells would take as runs of their own. */
  readonly separateSeconds: number;
  readonly peakMemoryBytes: number;
  readonly measured: MeasuredStep | undefined;
  /** Whose step was measured. */
  readonly measuredRecipe: string | undefined;
}

export interface EstimateOptions {
  readonly work: CommandCellWork;
  readonly workers: number;
  /** Cells whose results are there already: nothing of them, nor of what they share, is counted. */
  readonly present: ReadonlySet<string>;
  readonly timings: readonly TimingRecord[];
  /** Measure a step; otherwise this machine's speed at multiplying matrices has to do. */
  readonly measure: boolean;
  readonly cacheDir?: string | undefined;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

/** Starting, loading and compiling, where nothing was measured. */
const USUAL_START_SECONDS = 6;

export async function estimateMatrix(
  { cells: all }: Plan,
  { work, workers, present, timings, measure, cacheDir, signal, note }: EstimateOptions,
): Promise<MatrixEstimate> {
  const cells = all.filter(({ id }) => !present.has(id));
  const made = new Set(
    all
      .filter(({ id }) => present.has(id))
      .flatMap(({ uses }) => [...(uses[CLASS_PICTURES] ?? []), ...(uses[BASE_EVALUATIONS] ?? [])]),
  );
  const shapes = new Map<string, PlannedCell[]>();
  for (const cell of cells) {
    const key = shapeOf(cell);
    shapes.set(key, [...(shapes.get(key) ?? []), cell]);
  }
  const [first] = cells;
  const flops = first === undefined ? 1 : await matrixFlopsPerSecond(first.config.threads);
  const counted = new Map<string, RunEstimate>();
  for (const [key, [cell]] of shapes) {
    if (cell !== undefined)
      counted.set(key, await estimateRun(await work.lookAt(cell.request.values), flops));
  }
  const byRecipe = medians(timings);
  const [commonest] = [...shapes.values()].sort((a, b) => b.length - a.length);
  const sample = commonest?.[0];
  let measured: MeasuredStep | undefined;
  if (measure && sample !== undefined) {
    note(`measuring a step of ${sample.config.recipe}`);
    measured = await measureStep(await work.prepareRun(sample.request.values), { cacheDir, signal });
  }
  const expected = sample === undefined ? undefined : counted.get(shapeOf(sample))?.secondsPerStep;
  const factor = measured === undefined || !expected ? 1 : measured.secondsPerStep / expected;
  const start = measured?.startSeconds ?? USUAL_START_SECONDS;

  const cellSeconds = new Map<string, number>();
  const sets = new Map<string, number>();
  let separateSeconds = 0;
  let peakMemoryBytes = measured?.peakMemoryBytes ?? 0;
  for (const cell of cells) {
    const estimate = counted.get(shapeOf(cell));
    if (estimate === undefined) continue;
    const perStep = byRecipe.get(cell.config.recipe) ?? estimate.secondsPerStep * factor;
    const perPicture = estimate.secondsPerPicture * factor;
    const { ofCell, ofBase } = evaluationPictures(
      cell.request,
      cell.config.pretrainedModel === BUNDLED_MODEL,
    );
    const seconds = start + perStep * cell.config.maxTrainSteps + ofCell * perPicture;
    cellSeconds.set(cell.id, seconds);
    const prior = estimate.priorSeconds * factor;
    for (const set of cell.uses[CLASS_PICTURES] ?? []) sets.set(set, prior);
    for (const set of cell.uses[BASE_EVALUATIONS] ?? []) sets.set(set, ofBase * perPicture);
    separateSeconds += seconds + prior + ofBase * perPicture;
    if (measured === undefined) peakMemoryBytes = Math.max(peakMemoryBytes, estimate.memoryBytes);
  }
  const sharedSeconds = sum([...sets].map(([set, seconds]) => (made.has(set) ? 0 : seconds)));
  const workSeconds = sum([...cellSeconds.values()]) + sharedSeconds;
  const threads = first?.config.threads ?? 1;
  // More threads than cores gain nothing.
  const crowded = Math.max(1, (workers * threads) / availableParallelism());
  const width = Math.min(workers, Math.max(1, cells.length));
  return {
    cellSeconds,
    sharedSeconds,
    workSeconds,
    seconds: (workSeconds / width) * crowded,
    separateSeconds,
    peakMemoryBytes,
    measured,
    measuredRecipe: measured === undefined ? undefined : sample?.config.recipe,
  };
}

/** What the cost of a step depends on. */
function shapeOf({ config }: PlannedCell): string {
  const { recipe, trainBatchSize, gradientAccumulationSteps, resolution, mixedPrecision } = config;
  const { gradientCheckpointing, pluginOptions, pretrainedModel, numInferenceSteps, guidanceScale } = config;
  return JSON.stringify([
    recipe,
    trainBatchSize,
    gradientAccumulationSteps,
    resolution,
    mixedPrecision,
    gradientCheckpointing,
    pluginOptions,
    pretrainedModel,
    numInferenceSteps,
    guidanceScale,
  ]);
}

/** Seconds of a step by recipe, of cells that ran. */
function medians(timings: readonly TimingRecord[]): Map<string, number> {
  const all = new Map<string, number[]>();
  for (const { recipe, secondsPerStep } of timings)
    if (secondsPerStep !== undefined) all.set(recipe, [...(all.get(recipe) ?? []), secondsPerStep]);
  return new Map(
    [...all].map(([recipe, values]) => [
      recipe,
      values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0,
    ]),
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
