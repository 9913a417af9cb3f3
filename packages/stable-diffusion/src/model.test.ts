import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiffusionModel, ExportOptions, WeightsSource } from '@likeness/core';
import {
  compile,
  defineFunction,
  float32,
  int32,
  startEngine,
  type Engine,
  type Program,
} from '@likeness/engine';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadModel } from './model.ts';
import { weightsToLoad } from './networks.ts';

const TINY = join(import.meta.dirname, '../../../fixtures/tiny-sd1');
const ALL = ['unet', 'vae', 'text_encoder'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-model-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A copy of the tiny model with one JSON file changed. */
async function changed(path: string, change: Record<string, unknown>): Promise<string> {
  const copy = join(folder, 'model');
  await cp(TINY, copy, { recursive: true });
  const file = join(copy, path);
  const json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...json, ...change }));
  return copy;
}

describe('loadModel', () => {
  it('puts a model together without reading its weights', async () => {
    const model = await loadModel(TINY);
    expect(model).toMatchObject({ source: TINY, resolution: 32, recommended: {} });
    expect(model.samplers[0]).toBe('pndm');
    expect(model.textEncoder).toMatchObject({ name: 'text_encoder', maxLength: 77, hiddenSize: 32 });
    expect(model.noisePredictor).toMatchObject({ name: 'unet', latentChannels: 4 });
    expect(model.latentCodec).toMatchObject({ name: 'vae', scalingFactor: 0.18215, downsampleFactor: 2 });
    expect(model.noiseSchedule).toMatchObject({ numTrainTimesteps: 1000, predictionType: 'epsilon' });
    expect(model.noisePredictor.parameters.entries().size).toBe(model.noisePredictor.tensors.size);
    expect(model.noisePredictor.parameters.layerPaths().get('conv_in')).toBe('conv2d');
  });

  it('lists every key that does not fit the config, over all components', async () => {
    const path = await changed('unet/config.json', { layers_per_block: 2 });
    const vae = join(path, 'vae/config.json');
    const config = JSON.parse(await readFile(vae, 'utf8')) as Record<string, unknown>;
    await writeFile(vae, JSON.stringify({ ...config, use_quant_conv: false }));
    await expect(loadModel(path)).rejects.toThrow(
      /missing: down_blocks\.0\.resnets\.1\.conv1\.weight \[32, 32, 3, 3\][\s\S]*unexpected: quant_conv\.weight \[8, 8, 1, 1\]/,
    );
  });

  it('refuses parts that do not fit each other', async () => {
    const path = await changed('tokenizer/tokenizer_config.json', { model_max_length: 100 });
    await expect(loadModel(path)).rejects.toThrow(
      /tokenizer makes 100 tokens, the text encoder knows 77 positions/,
    );
  });

  it('reads the settings a model recommends, and refuses nonsense in them', async () => {
    const path = await changed('model_index.json', {});
    const settings = {
      recommended: { sampler: 'ddim', guidanceScale: 4, training: { dreambooth: { learningRate: 2e-4 } } },
    };
    await writeFile(join(path, 'likeness.json'), JSON.stringify(settings));
    expect((await loadModel(path)).recommended).toEqual(settings.recommended);
    await writeFile(join(path, 'likeness.json'), JSON.stringify({ recommended: { guidance: 4 } }));
    await expect(loadModel(path)).rejects.toThrow(/guidance/);
  });

  it('samples with any sampler by name, scaled by its initial sigma', async () => {
    const model = await loadModel(TINY);
    const seen: number[] = [];
    const steps: string[] = [];
    const sampled = await model.sample({
      sampler: 'euler',
      numInferenceSteps: 3,
      latents: Float32Array.of(1, -1),
      noise: () => new Float32Array(2),
      denoise: (input, timestep) => {
        seen.push(timestep);
        return Promise.resolve(input);
      },
      onStep: (step, total) => steps.push(`${step}/${total}`),
    });
    expect(seen).toHaveLength(3);
    expect(steps).toEqual(['0/3', '1/3', '2/3']);
    expect(sampled).toHaveLength(2);
    const wrong = { sampler: 'heun', numInferenceSteps: 3, latents: new Float32Array(2) };
    await expect(
      model.sample({
        ...wrong,
        noise: () => new Float32Array(2),
        denoise: (input) => Promise.resolve(input),
      }),
    ).rejects.toThrow(/no such sampler/);
  });
});

describe('export', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.close());

  /** A program that holds all weights of a model. */
  async function loaded(model: DiffusionModel): Promise<{ program: Program; weights: WeightsSource }> {
    const { textEncoder, noisePredictor, latentCodec } = model;
    const program: Program = await compile(
      {
        text: defineFunction({ ids: int32(1, 77) }, ({ ids }) => ({ out: textEncoder.encode(ids) })),
        noise: defineFunction(
          { x: float32(1, 2, 2, 4), t: float32(1), text: float32(1, 1, 32) },
          ({ x, t, text }) => ({
            out: noisePredictor.predict(x, t, text),
          }),
        ),
        encode: defineFunction({ x: float32(1, 2, 2, 3) }, ({ x }) => latentCodec.encode(x)),
        decode: defineFunction({ x: float32(1, 1, 1, 4) }, ({ x }) => ({ out: latentCodec.decode(x) })),
      },
      { engine, mode: 'eager' },
    );
    for (const { parameters, tensors } of [textEncoder, noisePredictor, latentCodec]) {
      await program.load(weightsToLoad(parameters, tensors));
    }
    return { program, weights: { save: (path, tensors, metadata) => program.save(path, tensors, metadata) } };
  }
  const options: ExportOptions = {
    dtype: 'fp32',
    format: 'diffusers',
    metadata: { prompt: 'a photo of sks dog' },
  };

  it('writes weights from the engine that are the same bits again', async () => {
    const model = await loadModel(TINY);
    const { program, weights } = await loaded(model);
    const target = join(folder, 'exported');
    const files = await model.export(target, weights, ALL, options);
    expect(files).toContain('unet/diffusion_pytorch_model.safetensors');
    expect(files).toContain('model_index.json');
    const again = await loadModel(target);
    expect(again.fingerprint).toBe(model.fingerprint);
    await program.dispose();
  });

  it('copies what did not change byte for byte', async () => {
    const model = await loadModel(TINY);
    const { program, weights } = await loaded(model);
    await model.export(folder, weights, ['unet'], options);
    for (const path of ['vae/diffusion_pytorch_model.safetensors', 'scheduler/scheduler_config.json']) {
      const [copy, original] = await Promise.all([readFile(join(folder, path)), readFile(join(TINY, path))]);
      expect(copy.equals(original)).toBe(true);
    }
    const header = (await readFile(join(folder, 'unet/diffusion_pytorch_model.safetensors'))).subarray(
      0,
      200,
    );
    expect(header.toString()).toContain('a photo of sks dog');
    await program.dispose();
  });

  it('writes one file in the layout of the original release that opens as the same model', async () => {
    const model = await loadModel(TINY);
    const { program, weights } = await loaded(model);
    const file = join(folder, 'model.safetensors');
    expect(
      await model.export(file, weights, ['unet', 'text_encoder'], { ...options, format: 'ldm' }),
    ).toEqual(['model.safetensors']);
    const again = await loadModel(file, { configFolder: TINY });
    expect(again.fingerprint).toBe(model.fingerprint);
    await program.dispose();
  });

  it('refuses a component that is none', async () => {
    const model = await loadModel(TINY);
    const weights: WeightsSource = { save: () => Promise.resolve() };
    expect(() => model.export(folder, weights, ['safety_checker'], options)).toThrow(/no such component/);
  });
});
