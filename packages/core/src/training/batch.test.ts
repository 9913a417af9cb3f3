import { createRng } from '@likeness/engine';
import { describe, expect, it } from 'vitest';
import type { NoiseSchedule } from '../contracts.ts';
import { minSnrWeights } from '../losses/snrWeights.ts';
import { drawBatch, type BatchOptions, type EncodedData, type EncodedPicture } from './batch.ts';

const schedule: NoiseSchedule = {
  numTrainTimesteps: 100,
  predictionType: 'epsilon',
  alphasCumprod: Float32Array.from({ length: 100 }, (_, t) => 0.999 * 0.95 ** t),
};
const options: BatchOptions = { batchSize: 2, schedule, noiseOffset: 0, inputPerturbation: 0 };
const SIZE = 2 * 2 * 3;

/** A picture whose latents are one number, exactly. */
const picture = (value: number, more: Partial<EncodedPicture> = {}): EncodedPicture => ({
  variants: [{ mean: new Float32Array(SIZE).fill(value), std: new Float32Array(SIZE) }],
  prompts: [0],
  ...more,
});
const data = (instance: EncodedPicture[], prior?: EncodedPicture[]): EncodedData => ({
  instance: { pictures: instance },
  ...(prior ? { prior: { pictures: prior } } : {}),
  prompts: [],
  scalingFactor: 0.5,
  latentShape: [2, 2, 3],
});
const draw = (of: EncodedData, more: Partial<BatchOptions> = {}, microStep = 0, seed = 1) =>
  drawBatch(of, { ...options, ...more }, createRng(seed), microStep);

describe('drawBatch', () => {
  it('is a function of seed and step', () => {
    const of = data([picture(1), picture(2)]);
    expect(draw(of, {}, 3)).toEqual(draw(of, {}, 3));
    expect(draw(of, {}, 3).timesteps).not.toEqual(draw(of, {}, 4).timesteps);
    expect(draw(of, {}, 3).target).not.toEqual(draw(of, {}, 3, 2).target);
  });

  it('holds instance pictures, then as many class pictures; class pictures change nothing of the others', () => {
    const alone = draw(data([picture(1), picture(2)]));
    const both = draw(data([picture(1), picture(2)], [picture(3, { prompts: [7] })]));
    expect(both.prompts).toEqual([0, 0, 7, 7]);
    expect(both.timesteps).toHaveLength(4);
    expect(both.noisyLatents.subarray(0, 2 * SIZE)).toEqual(alone.noisyLatents);
    expect(both.target.subarray(0, 2 * SIZE)).toEqual(alone.target);
    // The halves have noise of their own.
    expect(both.target.subarray(2 * SIZE)).not.toEqual(alone.target);
  });

  it('noises x₀ by the timestep: x_t = √ᾱ x₀ + √(1 − ᾱ) ε, ε being the target', () => {
    const { noisyLatents, target, timesteps } = draw(data([picture(3)]), { batchSize: 1 });
    const alphaBar = schedule.alphasCumprod[timesteps[0]!]!;
    noisyLatents.forEach((value, i) => {
      expect(value).toBeCloseTo(Math.sqrt(alphaBar) * 3 * 0.5 + Math.sqrt(1 - alphaBar) * target[i]!, 5);
    });
  });

  it('draws latents anew from their distribution', () => {
    const wide = picture(0);
    wide.variants[0]!.std.fill(1);
    const exact = { ...schedule, predictionType: 'sample' } as const; // the target is x₀
    const draws = Array.from({ length: 200 }, (_, i) =>
      [...draw(data([wide]), { schedule: exact }, i).target].map((x) => x / 0.5),
    ).flat();
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    // 4,800 draws: three standard errors of mean and variance
    expect(Math.abs(mean)).toBeLessThan(3 / Math.sqrt(draws.length));
    expect(Math.abs(variance - 1)).toBeLessThan(3 * Math.sqrt(2 / draws.length));
  });

  it('takes every picture once an epoch, and one of its variants and prompts', () => {
    const variants = [1, 2].map((value) => picture(value).variants[0]!);
    const of = data([picture(0, { variants, prompts: [4, 5] }), picture(9)]);
    const exact = { ...schedule, predictionType: 'sample' } as const;
    const seen = new Set<string>();
    for (let step = 0; step < 40; step++) {
      const { target, prompts } = draw(of, { schedule: exact }, step);
      const values = [target[0]! / 0.5, target[SIZE]! / 0.5];
      expect(values.filter((value) => value === 9)).toHaveLength(1);
      values.forEach((value, row) => seen.add(`${value}/${prompts[row]}`));
    }
    expect([...seen].sort()).toEqual(['1/4', '1/5', '2/4', '2/5', '9/0']);
  });

  it('offsets the noise by a constant for each channel of a picture, target included', () => {
    const plain = draw(data([picture(1)]));
    const offset = draw(data([picture(1)]), { noiseOffset: 0.1 });
    const differences = offset.target.map((x, i) => x - plain.target[i]!);
    differences.forEach((difference, i) => {
      const first = Math.floor(i / SIZE) * SIZE + (i % 3);
      expect(difference).toBeCloseTo(differences[first]!, 5);
    });
    expect(new Set([...differences].map((x) => x.toFixed(4))).size).toBe(2 * 3);
    expect(offset.timesteps).toEqual(plain.timesteps);
  });

  it('perturbs the input only', () => {
    const plain = draw(data([picture(1)]));
    const perturbed = draw(data([picture(1)]), { inputPerturbation: 0.1 });
    expect(perturbed.target).toEqual(plain.target);
    expect(perturbed.noisyLatents).not.toEqual(plain.noisyLatents);
  });

  it('weights each picture by its own timestep, and each pixel by its mask', () => {
    const mask = Float32Array.of(1, 0, 0.5, 0);
    const masked = picture(1, { variants: [{ ...picture(1).variants[0]!, mask }] });
    const batch = draw(data([masked], [picture(2)]), { snrGamma: 5 });
    expect(batch.timestepWeights).toEqual(minSnrWeights(schedule, batch.timesteps, 5));
    expect([...batch.mask]).toEqual([...mask, ...mask, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect([...draw(data([masked])).timestepWeights]).toEqual([1, 1]);
  });
});
