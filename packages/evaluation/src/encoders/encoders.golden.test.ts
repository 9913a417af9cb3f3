// Encoders against transformers 5.23 on torch 2.13 (fixtures/evaluation). Tolerances are the fixtures' own, 5 to 10 times
// what float32 differs from float64 there: features rtol 1e-4, atol 1e-5; logits atol 2e-4, being 24 times a cosine.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  defineFunction,
  float32,
  int32,
  readSafetensorsHeader,
  readTensor,
  startMachine,
  tf,
  type FunctionDefinition,
  type ImageEncoder,
  type TypedData,
} from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { loadImageEncoder } from './loadEncoder.ts';
import { positionWeights } from './vitPositions.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');
const FOLDER = join(FIXTURES, 'evaluation');
const { tensors } = await readSafetensorsHeader(join(FOLDER, 'encoders.safetensors'));
const facts = JSON.parse(await readFile(join(FOLDER, 'encoders.json'), 'utf8')) as {
  models: Readonly<
    Record<
      string,
      { features_rows: string[]; sizes?: Record<string, object>; prompts?: string[]; input_ids?: number[][] }
    >
  >;
};

async function expected(name: string): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const entry = tensors.get(name);
  if (entry === undefined) throw new Error(`the fixtures have no ${name}`);
  return { data: await readTensor(entry), shape: entry.shape };
}

/** Channels first, as torch has pictures, to channels last. */
function channelsLast(data: Float32Array, [height = 1, width = 1]: readonly number[]): Float32Array {
  const places = height * width;
  const turned = new Float32Array(data.length);
  for (let at = 0; at < places; at++) {
    for (let c = 0; c < 3; c++) turned[at * 3 + c] = data[c * places + at]!;
  }
  return turned;
}

/** `real-0.png` and the others, one after the other. */
async function pixelsOf(model: string): Promise<{ pixels: Float32Array; count: number; side: number }> {
  // DINOv2 with registers is fed what DINOv2 is fed.
  const from = model.startsWith('dinov2') ? 'dinov2' : model;
  const names = facts.models[model]!.features_rows;
  const rows = await Promise.all(names.map((name) => expected(`${from}.pixels.${name}`)));
  const side = rows[0]!.shape[1]!;
  const pixels = new Float32Array(names.length * side * side * 3);
  rows.forEach(({ data, shape }, row) => {
    pixels.set(channelsLast(data, shape.slice(1)), row * side * side * 3);
  });
  return { pixels, count: names.length, side };
}

async function run(
  encoder: ImageEncoder,
  functions: Record<string, FunctionDefinition>,
  feeds: Record<string, Record<string, TypedData>>,
): Promise<Record<string, Float32Array>> {
  const planned = Object.entries(functions).map(([name, definition]) => [
    name,
    { definition, expectedRuns: 1 },
  ]);
  const { program, close } = await startMachine(
    { model: encoder, threads: 2, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    Object.fromEntries(planned) as Record<string, { definition: FunctionDefinition; expectedRuns: number }>,
  );
  const results: Record<string, Float32Array> = {};
  for (const name of Object.keys(functions)) {
    for (const [key, value] of Object.entries(await program.run(name, feeds[name]!)))
      results[`${name}.${key}`] = value as Float32Array;
  }
  await close();
  return results;
}

function expectClose(got: Float32Array, wanted: Float32Array, atol = 1e-5): void {
  expect(got).toHaveLength(wanted.length);
  let worst = 0;
  for (const [i, value] of wanted.entries())
    worst = Math.max(worst, Math.abs(got[i]! - value) / (atol + 1e-4 * Math.abs(value)));
  expect(worst).toBeLessThan(1);
}

describe.each(['dino', 'dinov2', 'dinov2-registers'])('%s', (model) => {
  it('makes the reference’s features, of pictures of other sizes as well', async () => {
    const encoder = await loadImageEncoder(join(FOLDER, model));
    const { pixels, count, side } = await pixelsOf(model);
    const features = (rows: number, height: number, width: number): FunctionDefinition =>
      defineFunction({ pixels: float32(rows, height, width, 3) }, (fed) => ({
        features: encoder.encode(fed.pixels),
      }));
    const functions: Record<string, FunctionDefinition> = { pictures: features(count, side, side) };
    const feeds: Record<string, Record<string, TypedData>> = { pictures: { pixels } };
    const sizes = Object.keys(facts.models[model]!.sizes!);
    for (const size of sizes) {
      const { data, shape } = await expected(`${model}.size.${size}.input`);
      const [height = 0, width = 0] = shape.slice(2);
      functions[size] = features(1, height, width);
      feeds[size] = { pixels: channelsLast(data, [height, width]) };
    }
    const results = await run(encoder, functions, feeds);
    expectClose(results['pictures.features']!, (await expected(`${model}.features`)).data);
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    for (const size of sizes)
      expectClose(results[`${size}.features`]!, (await expected(`${model}.size.${size}.features`)).data);
  });

  it('stretches the position table as the reference does', async () => {
    const encoder = await loadImageEncoder(join(FOLDER, model));
    const table = encoder.components[0]!.tensors.get('embeddings.position_embeddings')!;
    const values = await readTensor(table);
    const [, length = 0, width = 0] = table.shape;
    const trained = Math.sqrt(length - 1);
    const patch = encoder.resolution / trained;
    for (const size of Object.keys(facts.models[model]!.sizes!)) {
      const [rows = 0, columns = 0] = size.split('x').map((pixels) => Number(pixels) / patch);
      const weights = positionWeights({
        trained,
        rows,
        columns,
        antialias: model === 'dinov2-registers',
      });
      const { data } = await expected(`${model}.size.${size}.position_embeddings`);
      if (weights === undefined) {
        expect(data).toEqual(values);
        continue;
      }
      const got = new Float32Array(data.length);
      got.set(values.subarray(0, width));
      for (let place = 0; place < rows * columns; place++) {
        for (let d = 0; d < width; d++) {
          let sum = 0;
          for (let from = 0; from < length - 1; from++)
            sum += weights[place * (length - 1) + from]! * values[(from + 1) * width + d]!;
          got[(place + 1) * width + d] = sum;
        }
      }
      expectClose(got, data);
    }
  });
});

describe('clip', () => {
  it('makes the reference’s features of pictures and texts, and their logits', async () => {
    const encoder = await loadImageEncoder(join(FOLDER, 'clip'), {
      tokenizerFolder: join(FIXTURES, 'tiny-sd1/tokenizer'),
    });
    const text = encoder.text!;
    const { pixels, count, side } = await pixelsOf('clip');
    const { prompts = [], input_ids: unpadded = [] } = facts.models['clip']!;
    const ids = Int32Array.from(prompts.flatMap((prompt) => [...text.tokenizer.encodePadded(prompt)]));
    for (const [row, own] of unpadded.entries())
      expect([...ids.subarray(row * text.maxLength, row * text.maxLength + own.length)]).toEqual(own);
    const inputs = { pixels: float32(count, side, side, 3), ids: int32(prompts.length, text.maxLength) };
    const results = await run(
      encoder,
      {
        all: defineFunction(inputs, (fed) => {
          const unit = (x: ReturnType<typeof encoder.encode>) => tf.div(x, tf.norm(x, 2, 1, true));
          const [images, texts] = [encoder.encode(fed.pixels), text.encode(fed.ids)];
          const cosines = tf.matMul(unit(images) as never, unit(texts) as never, false, true);
          return { images, texts, logits: tf.mul(tf.exp(text.logitScale()), cosines) };
        }),
      },
      { all: { pixels, ids } },
    );
    expectClose(results['all.images']!, (await expected('clip.image_features')).data);
    expectClose(results['all.texts']!, (await expected('clip.text_features')).data);
    expectClose(results['all.logits']!, (await expected('clip.logits_per_image')).data, 2e-4);
  });
});
