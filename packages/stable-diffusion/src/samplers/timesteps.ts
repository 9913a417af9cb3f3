// Which of the training timesteps a sampler visits. Table 2 of https://arxiv.org/abs/2305.08891;
// reference: set_timesteps of diffusers' schedulers, whose NumPy calls round half to even.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import type { TimestepSpacing } from '../schedule/schedulerConfig.ts';

/** Descending timesteps of samplers that end *on* the last one (ddpm, ddim, pndm, euler). */
export function spacedTimesteps(
  { config, numTrainTimesteps }: NoiseSchedule,
  numInferenceSteps: number,
  defaultSpacing: TimestepSpacing,
  { rounded }: { rounded: boolean } = { rounded: true },
): number[] {
  switch (config.timestep_spacing ?? defaultSpacing) {
    case 'linspace': {
      const ascending = linspace(0, numTrainTimesteps - 1, numInferenceSteps);
      return ascending.map((t) => (rounded ? roundHalfToEven(t) : Math.fround(t))).reverse();
    }
    case 'leading': {
      const stride = Math.floor(numTrainTimesteps / numInferenceSteps);
      const offset = config.steps_offset ?? 0;
      return Array.from({ length: numInferenceSteps }, (_, i) => i * stride + offset).reverse();
    }
    case 'trailing':
      return trailingTimesteps(numTrainTimesteps, numInferenceSteps);
  }
}

/** Descending timesteps of multistep samplers (dpmpp, unipc): one more is spaced, and the last left to the final sigma. */
export function multistepTimesteps(
  { config, numTrainTimesteps }: NoiseSchedule,
  numInferenceSteps: number,
  defaultSpacing: TimestepSpacing,
): number[] {
  switch (config.timestep_spacing ?? defaultSpacing) {
    case 'linspace':
      return linspace(0, numTrainTimesteps - 1, numInferenceSteps + 1)
        .map(roundHalfToEven)
        .reverse()
        .slice(0, -1);
    case 'leading': {
      const stride = Math.floor(numTrainTimesteps / (numInferenceSteps + 1));
      const offset = config.steps_offset ?? 0;
      return Array.from({ length: numInferenceSteps }, (_, i) => (numInferenceSteps - i) * stride + offset);
    }
    case 'trailing':
      return trailingTimesteps(numTrainTimesteps, numInferenceSteps);
  }
}

function trailingTimesteps(numTrainTimesteps: number, numInferenceSteps: number): number[] {
  // numpy.arange takes its stride as the difference of its first two values; the rounding decides ties like 937.5.
  const second = numTrainTimesteps - numTrainTimesteps / numInferenceSteps;
  const stride = second - numTrainTimesteps;
  return Array.from(
    { length: numInferenceSteps },
    (_, i) => roundHalfToEven(numTrainTimesteps + i * stride) - 1,
  );
}

/** `num` values from start to end inclusive, as numpy.linspace. */
export function linspace(start: number, end: number, num: number): number[] {
  if (num === 1) return [start];
  const stride = (end - start) / (num - 1);
  return Array.from({ length: num }, (_, i) => (i === num - 1 ? end : start + i * stride));
}

/** numpy.round: 0.5 → 0, 1.5 → 2. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
