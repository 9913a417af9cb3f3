// UniPC, a predictor with a corrector that needs no further call of the network: https://arxiv.org/abs/2302.04867,
// algorithms 5 to 8 (data prediction); reference: diffusers/schedulers/scheduling_unipc_multistep.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { combine, predictedX0 } from './prediction.ts';
import {
  callDenoise,
  clipSampleProblem,
  etaProblem,
  refuse,
  type Denoise,
  type SampleOptions,
  type Sampler,
} from './sampler.ts';
import {
  karrasSigmas,
  sigmasAt,
  sigmaStep,
  sigmaToTimestep,
  trainingSigmas,
  type SigmaStep,
  type SigmaWalk,
} from './sigmas.ts';
import { multistepTimesteps, roundHalfToEven } from './timesteps.ts';

type SolverType = 'bh1' | 'bh2';
/** A predicted clean image and the noise level it was predicted at. */
interface Known {
  x0: Float32Array;
  lambda: number;
}

function walk(schedule: NoiseSchedule, numInferenceSteps: number): SigmaWalk {
  const { config } = schedule;
  const table = trainingSigmas(schedule);
  const smallest = table[0] ?? NaN;
  let timesteps = multistepTimesteps(schedule, numInferenceSteps, 'linspace');
  let sigmas = sigmasAt(table, timesteps);
  let last = smallest;
  if (config.use_karras_sigmas) {
    const largest = table[table.length - 1] ?? NaN;
    sigmas = karrasSigmas(config.sigma_min ?? smallest, config.sigma_max ?? largest, numInferenceSteps);
    timesteps = sigmas.map((sigma) => roundHalfToEven(sigmaToTimestep(sigma, table)));
    last = sigmas[sigmas.length - 1] ?? NaN;
  }
  return {
    timesteps,
    sigmas: Float32Array.from([...sigmas, config.final_sigmas_type === 'sigma_min' ? last : 0]),
  };
}

export async function sampleUnipc(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep, signal } = options;
  const { config, predictionType } = schedule;
  const solverOrder = config.solver_order ?? 2;
  const lowerOrderFinal = config.lower_order_final ?? true;
  refuse('unipc', schedule, numInferenceSteps, [
    etaProblem(options),
    clipSampleProblem(config),
    !lowerOrderFinal &&
      solverOrder > 1 &&
      (config.final_sigmas_type !== 'sigma_min' || config.use_karras_sigmas) &&
      'lower_order_final: false divides by zero unless final_sigmas_type is sigma_min, without Karras sigmas',
  ]);
  // Configurations of other solvers carry types that mean nothing here; the reference takes bh2 then.
  const solverType: SolverType = config.solver_type === 'bh1' ? 'bh1' : 'bh2';
  const { timesteps, sigmas } = walk(schedule, numInferenceSteps);
  const steps = Array.from(sigmas, sigmaStep);

  let x = latents;
  let order = 1;
  let predictedFrom: Float32Array | undefined;
  /** Newest first. */
  let known: Known[] = [];
  for (const [step, t] of timesteps.entries()) {
    const [from, to] = [steps[step], steps[step + 1]] as [SigmaStep, SigmaStep];
    const output = await callDenoise(denoise, x, t, signal);
    const x0 = predictedX0(predictionType, x, output, from);
    const before = steps[step - 1];
    if (
      before !== undefined &&
      predictedFrom !== undefined &&
      !config.disable_corrector?.includes(step - 1)
    ) {
      x = corrected(predictedFrom, x0, known, order, before, from, solverType);
    }
    known = [{ x0, lambda: from.lambda }, ...known].slice(0, solverOrder);
    const allowed = lowerOrderFinal ? Math.min(solverOrder, timesteps.length - step) : solverOrder;
    order = Math.min(allowed, step + 1);
    predictedFrom = x;
    x = predicted(x, known, order, from, to, solverType);
    onStep?.(step, x.slice());
  }
  return x;
}

/** UniP: one step on from what is known, newest first. */
function predicted(
  x: Float32Array,
  known: readonly Known[],
  order: number,
  from: SigmaStep,
  to: SigmaStep,
  solverType: SolverType,
): Float32Array {
  const { ratios, rows, right, firstOrder, scale } = equations(known, order, from, to, solverType);
  // The reference takes 1/2 for the second order, as the paper advises, instead of solving.
  const weights =
    order === 2
      ? [1 / 2]
      : solveLinear(
          rows.slice(0, -1).map((row) => row.slice(0, -1)),
          right.slice(0, -1),
        );
  return stepWith(x, known, ratios, weights, from, to, firstOrder, scale);
}

/** UniC: the same step once more, now that the network has seen where it led. */
function corrected(
  predictedFrom: Float32Array,
  x0: Float32Array,
  known: readonly Known[],
  order: number,
  from: SigmaStep,
  to: SigmaStep,
  solverType: SolverType,
): Float32Array {
  const { ratios, rows, right, firstOrder, scale } = equations(known, order, from, to, solverType);
  const weights = order === 1 ? [1 / 2] : solveLinear(rows, right);
  const arrived: Known = { x0, lambda: to.lambda };
  return stepWith(
    predictedFrom,
    [...known.slice(0, order), arrived],
    [...ratios, 1],
    weights,
    from,
    to,
    firstOrder,
    scale,
  );
}

/** `sigma/sigma' x - alpha * (firstOrder * m0 + scale * sum_i weight_i * (m_i - m0) / ratio_i)` */
function stepWith(
  x: Float32Array,
  known: readonly Known[],
  ratios: readonly number[],
  weights: readonly number[],
  from: SigmaStep,
  to: SigmaStep,
  firstOrder: number,
  scale: number,
): Float32Array {
  const slopes = ratios.map((ratio, i) => (-to.alpha * scale * (weights[i] ?? NaN)) / ratio);
  const ofNewest = -to.alpha * firstOrder - slopes.reduce((sum, slope) => sum + slope, 0);
  const [newest, ...others] = known;
  return combine(
    [to.sigma / from.sigma, x],
    [ofNewest, newest?.x0 ?? x],
    ...slopes.map((slope, i) => [slope, others[i]?.x0 ?? x] as const),
  );
}

/** The conditions that make the step exact for polynomials up to `order`: sum_i weight_i * ratio_i^k = right_k. */
function equations(
  known: readonly Known[],
  order: number,
  from: SigmaStep,
  to: SigmaStep,
  solverType: SolverType,
) {
  const h = to.lambda - from.lambda;
  const ratios = known.slice(1, order).map(({ lambda }) => (lambda - from.lambda) / h);
  const firstOrder = Math.expm1(-h);
  const scale = solverType === 'bh1' ? -h : firstOrder;
  const right: number[] = [];
  let phi = firstOrder / -h - 1;
  let factorial = 1;
  for (let k = 1; k <= order; k++) {
    right.push((phi * factorial) / scale);
    factorial *= k + 1;
    phi = phi / -h - 1 / factorial;
  }
  const rows = right.map((_, k) => [...ratios, 1].map((ratio) => ratio ** k));
  return { ratios, rows, right, firstOrder, scale };
}

/** Gaussian elimination with partial pivoting, for at most three unknowns. */
function solveLinear(rows: readonly (readonly number[])[], right: readonly number[]): number[] {
  const system = rows.map((row, i) => [...row, right[i] ?? NaN]);
  const n = system.length;
  for (let column = 0; column < n; column++) {
    const candidates = system.slice(column);
    const pivot = candidates.reduce((best, row) =>
      Math.abs(row[column] ?? 0) > Math.abs(best[column] ?? 0) ? row : best,
    );
    system.splice(system.indexOf(pivot), 1);
    system.splice(column, 0, pivot);
    for (const row of system.slice(column + 1)) {
      const factor = (row[column] ?? NaN) / (pivot[column] ?? NaN);
      for (let j = column; j <= n; j++) row[j] = (row[j] ?? NaN) - factor * (pivot[j] ?? NaN);
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    const row = system[i] ?? [];
    const rest = solution.reduce((sum, value, j) => (j > i ? sum + (row[j] ?? NaN) * value : sum), 0);
    solution[i] = ((row[n] ?? NaN) - rest) / (row[i] ?? NaN);
  }
  return solution;
}

export const unipc: Sampler = {
  name: 'unipc',
  description: 'UniPC: predictor and corrector of second order, deterministic; good from about 10 steps',
  timesteps: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps).timesteps,
  sigmas: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps).sigmas,
  initNoiseSigma: () => 1,
  sample: sampleUnipc,
};
