// A step of the autoencoder against PyTorch 2.13 and diffusers 0.42: `AutoencoderKL` of fixtures/tiny-sd1 in float32 on
// the four pictures below, latents at their means; loss terms and the gradients' norm of
// L1 + L1 of neighbouring differences + 2 · squared error + 10⁻³ · KL.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCache } from '@likeness/core';
import { benchmarkSteps, resolvePretrainConfig } from '@likeness/plugin-pretrain';
import { loadModel } from '@likeness/stable-diffusion';
import { afterAll, expect, it } from 'vitest';

const TINY = new URL('../../../../fixtures/tiny-sd1', import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), 'likeness-golden-'));
afterAll(() => rm(folder, { recursive: true }));

const EXPECTED = {
  loss: 3.0815515518188477,
  gradientNorm: 17.194332122802734,
  terms: {
    l1: 0.6243036389350891,
    gradient: 1.339258074760437,
    mse: 0.5588955283164978,
    kl: 0.19885897636413574,
  },
};

it('the autoencoder’s loss and gradients are those of PyTorch', async () => {
  const bytes = Uint8Array.from(
    { length: 4 * 32 * 32 * 3 },
    (_, i) => (i * 7 + Math.floor(i / 96) * 13 + Math.floor(i / 3072) * 31) % 256,
  );
  const vae = { batchSize: 4, maxTrainSteps: 1, latentNoise: 0 };
  const values = { data: 'made up', model: TINY, mode: 'graph', vae };
  const config = resolvePretrainConfig([{ name: 'test', values }]);
  const model = await loadModel(TINY);
  const steps = await benchmarkSteps({ network: 'vae', config, model, bytes, cache: openCache(folder) });
  const { loss, gradientNorm, terms } = await steps.step(0);
  await steps.close();
  // Sums of a few thousand float32 in another order: a few units of the seventh digit.
  const close = (got: number | undefined, wanted: number): void =>
    expect(Math.abs((got ?? Number.NaN) / wanted - 1)).toBeLessThan(1e-5);
  close(loss, EXPECTED.loss);
  close(gradientNorm, EXPECTED.gradientNorm);
  for (const [name, wanted] of Object.entries(EXPECTED.terms)) close(terms[name], wanted);
});
