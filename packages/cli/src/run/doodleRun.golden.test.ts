// The first steps of a real run on the bundled model, pinned: whoever changes a number on the way from pictures to
// losses sees it here. Pinned losses were computed on an x86-64 processor with AVX-512; `doodleRun.golden.json`.
//
// Tolerance: TensorFlow and XLA choose kernels by processor, so sums are made in other orders. Graph mode and XLA, which
// differ in the same way, are within 5e-6 of each other here; the pixels of class pictures may round to another of 256
// levels, which is worth 1e-4 of a loss. A wrong noise, timestep, order or learning rate is worth 1e-2 and more.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compareRuns,
  modelFacts,
  readEvents,
  resolveConfig,
  resolvePlugins,
  runPipeline,
  type DiffusionModel,
  type LossPoint,
  lossCurve,
} from '@likeness/core';
import { modelDir, subjects } from '@likeness/doodle';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { loadModel } from '@likeness/stable-diffusion';
import { afterAll, beforeAll, expect, it } from 'vitest';

const RELATIVE_TOLERANCE = 1e-3;

let folder: string;
let model: DiffusionModel;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-golden-'));
  model = await loadModel(modelDir);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Three steps of `dreambooth+ppl`, 2 + 2 pictures each. @returns the run's folder */
async function run(name: string, mode: 'graph' | 'xla'): Promise<string> {
  const outputDir = join(folder, name);
  const values = {
    ...subjects['robot'],
    outputDir,
    // A cache of its own: class pictures and latents are computed, never taken from another run.
    cacheDir: join(folder, `${name}-cache`),
    mode,
    threads: 2,
    maxTrainSteps: 3,
    trainBatchSize: 2,
    numInferenceSteps: 4,
    samples: false,
    checkpointingSteps: 3,
    pluginOptions: { ppl: { numClassImages: 4 } },
  };
  const { config, plugins } = resolveConfig({
    plugins: await resolvePlugins('dreambooth+ppl', { builtIns: [dreambooth, ppl], cwd: folder }),
    layers: [{ name: 'golden', values }],
    model: modelFacts(model),
  });
  await new Promise<void>((complete, error) => {
    runPipeline({ config, plugins, model }).subscribe({ complete, error });
  });
  return outputDir;
}

it.each(['graph', 'xla'] as const)(
  'has the pinned losses in %s mode, and equal bits when repeated',
  async (mode) => {
    const golden = JSON.parse(
      await readFile(join(import.meta.dirname, 'doodleRun.golden.json'), 'utf8'),
    ) as LossPoint[];
    const [first, second] = [await run(`${mode}-1`, mode), await run(`${mode}-2`, mode)];
    const losses = lossCurve(readEvents(first));
    expect(losses).toHaveLength(golden.length);
    for (const [i, { step, loss, terms }] of golden.entries()) {
      for (const [name, wanted] of Object.entries({ loss, ...terms })) {
        const got = name === 'loss' ? losses[i]!.loss : losses[i]!.terms[name]!;
        expect(Math.abs(got - wanted) / wanted, `step ${step}: ${name} ${got}`).toBeLessThan(
          RELATIVE_TOLERANCE,
        );
      }
    }
    expect((await compareRuns(first, second)).firstDifferentStep).toBeUndefined();
    const exported = async (run: string): Promise<unknown> => {
      const manifest = await readFile(join(run, 'export/manifest.json'), 'utf8');
      return (JSON.parse(manifest) as { files: unknown }).files;
    };
    expect(await exported(second)).toEqual(await exported(first));
  },
  300_000,
); // XLA compiles every function of a run, twice
