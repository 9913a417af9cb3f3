import { createVariable, tf } from '@likeness/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiffusionModel } from '../contracts.ts';
import { createTinyModel } from '../testing/tinyModel.ts';
import { temporaryFolder } from '../testing/trial.ts';
import { openGenerator, type Generator, type PicturesAsked } from './openGenerator.ts';

let model: DiffusionModel;
let generator: Generator;
beforeAll(async () => {
  model = await createTinyModel(temporaryFolder());
  generator = await openGenerator({ model, mode: 'graph', threads: 1, batchSize: 2 });
});
afterAll(() => generator.close());

const asked = {
  prompts: [
    { prompt: 'a thing', seed: 3 },
    { prompt: 'a (thing:1.5)', seed: 4 },
    { prompt: 'a thing', seed: 5 },
  ],
  sampler: 'ddim',
  numInferenceSteps: 2,
  guidanceScale: 1,
} as const;

async function pictures(values: Partial<PicturesAsked> = {}): Promise<string[]> {
  const sampler = model.samplers[0] ?? '';
  const made: string[] = [];
  for await (const { image } of generator.generate({ ...asked, sampler, ...values })) {
    made.push(Buffer.from(image.data).toString('base64'));
  }
  return made;
}

/** Adds a learned number to a layer. */
function attach(path: string): { detach: () => void; initialValues: Map<string, Float32Array> } {
  const shift = createVariable({ name: 'test.shift', shape: [1] });
  const takeOff = model.noisePredictor.parameters.attach(path, ({ base }) => tf.add(base(), shift));
  const detach = (): void => {
    takeOff();
    shift.dispose();
  };
  return { detach, initialValues: new Map([['test.shift', Float32Array.of(2)]]) };
}

describe('openGenerator', () => {
  it('draws with what is attached, and as before when it is off, on weights that were read once', async () => {
    const before = await pictures();
    const [path = ''] = model.noisePredictor.parameters.layerPaths().keys();
    const { detach, initialValues } = attach(path);
    const adapted = await pictures({ initialValues });
    detach();
    expect(adapted).not.toEqual(before);
    expect(await pictures()).toEqual(before);
  });

  it('makes each picture from its prompt and seed, whatever stands beside it', async () => {
    const [, , third] = await pictures();
    expect(await pictures({ prompts: asked.prompts.slice(2) })).toEqual([third]);
  });

  it('reads weights in prompts only when asked to', async () => {
    const [plain, bracketed] = await pictures();
    const [unweighted, weighted] = await pictures({ promptWeighting: true });
    expect(unweighted).toBe(plain);
    expect(weighted).not.toBe(bracketed);
  });
});
