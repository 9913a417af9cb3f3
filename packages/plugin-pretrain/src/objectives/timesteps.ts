// Timesteps of a batch: all alike, or some of them more often.
import type { Rng } from '@likeness/core';
import type { UNetConfig } from '../schema.ts';

export type TimestepBias = Pick<
  UNetConfig,
  'timestepBiasMultiplier' | 'timestepBiasBegin' | 'timestepBiasEnd'
>;

/**
 * Draws the timesteps of a step. Those from `timestepBiasBegin` up to `timestepBiasEnd` (not included) come
 * `timestepBiasMultiplier` times as often as each of the others; the loss stays as it is.
 * Source: `--timestep_bias_strategy range` of diffusers' train_text_to_image_sdxl.py.
 * @param numTrainTimesteps timesteps of the schedule, and the default of the end
 */
export function timestepDraw(
  { timestepBiasMultiplier: times, timestepBiasBegin: begin, timestepBiasEnd }: TimestepBias,
  numTrainTimesteps: number,
  rng: Rng,
): (step: number, count: number) => Int32Array {
  const end = timestepBiasEnd ?? numTrainTimesteps;
  const stream = (step: number) => rng.stream('unet.timesteps', step, 0);
  if (times === 1) return (step, count) => stream(step).integers(count, 0, numTrainTimesteps);
  // Timesteps as a line on which each has the length of its weight.
  const inside = times * (end - begin);
  const length = begin + inside + (numTrainTimesteps - end);
  const at = (place: number): number => {
    if (place < begin) return Math.floor(place);
    const beyond = place - begin - inside;
    return beyond < 0 ? begin + Math.floor((place - begin) / times) : end + Math.floor(beyond);
  };
  return (step, count) =>
    Int32Array.from(stream(step).uniform(count), (share) =>
      // A share just below 1 may round up to the line's end.
      Math.min(at(share * length), numTrainTimesteps - 1),
    );
}
