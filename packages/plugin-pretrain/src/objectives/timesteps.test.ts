import { createRng } from '@likeness/core';
import { expect, it } from 'vitest';
import { timestepDraw } from './timesteps.ts';

const rng = createRng(7);
const COUNT = 40_000;

it('draws all timesteps alike when none is to come more often', () => {
  const none = { timestepBiasMultiplier: 1, timestepBiasBegin: 400, timestepBiasEnd: 600 };
  const drawn = timestepDraw(none, 1000, rng)(3, 8);
  expect(drawn).toEqual(rng.stream('unet.timesteps', 3, 0).integers(8, 0, 1000));
});

it.each([
  { timestepBiasMultiplier: 3, timestepBiasBegin: 40, timestepBiasEnd: 60 },
  { timestepBiasMultiplier: 2, timestepBiasBegin: 35, timestepBiasEnd: undefined },
  { timestepBiasMultiplier: 0.5, timestepBiasBegin: 0, timestepBiasEnd: 10 },
])('draws some as often as told: %o', (bias) => {
  const counts = new Array<number>(100).fill(0);
  for (const timestep of timestepDraw(bias, 100, rng)(1, COUNT)) counts[timestep]! += 1;
  const { timestepBiasMultiplier: times, timestepBiasBegin: begin, timestepBiasEnd: end = 100 } = bias;
  const weights = counts.map((_, timestep) => (timestep >= begin && timestep < end ? times : 1));
  const whole = weights.reduce((sum, weight) => sum + weight);
  // χ² of 99 degrees of freedom: above 149 once in a thousand.
  const chiSquared = counts.reduce((sum, count, timestep) => {
    const expected = (COUNT * weights[timestep]!) / whole;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  expect(chiSquared).toBeLessThan(149);
});
