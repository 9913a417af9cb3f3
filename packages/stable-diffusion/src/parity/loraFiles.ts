// Files of adapters against a folder of reference numbers: every spelling read, attached at several weights, and what
// both networks say then; then written by us in every spelling and read again.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeights, readSafetensorsHeader, type DiffusionModel } from '@likeness/core';
import { compile, DataError, defineFunction, float32, int32, type TypedData } from '@likeness/engine';
import {
  adaptableLayers,
  attachStored,
  LORA_FORMATS,
  readAdapters,
  writeAdapters,
  type StoredAdapter,
} from '@likeness/plugin-lora';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ParityRuntime } from './parityModel.ts';
import { toChannelsFirst, toChannelsLast } from './pixelLayout.ts';

const description = z.object({
  kinds: z.record(z.string(), z.object({ files: z.record(z.string(), z.string()) })),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
});
const shapes = z.record(z.string(), z.record(z.string(), z.array(z.int())));

const EXACT: Tolerance = { atol: 0, rtol: 0 };
type Inputs = (name: string) => FixtureTensor;

/**
 * All comparisons of `lora-files`.
 * @param modelFolder the diffusers folder the files are loaded into
 */
export async function* checkLoraFiles(
  folder: string,
  modelFolder: string,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const { kinds, tolerance } = description.parse(
    JSON.parse(await readFile(join(folder, 'lora-files.json'), 'utf8')),
  );
  const keys = shapes.parse(JSON.parse(await readFile(join(folder, 'keys.json'), 'utf8')));
  const outputsPath = join(folder, 'outputs.safetensors');
  const tensors = await readFixture(outputsPath);
  const at: Inputs = (name) => fixtureTensor(tensors, name, outputsPath);
  const model = await loadModel(modelFolder);
  for (const [kind, { files }] of Object.entries(kinds)) {
    const weights = weightsOf(kind, tensors.keys(), outputsPath);
    for (const [i, file] of Object.keys(files).entries()) {
      const { adapters } = await readAdapters(join(folder, file), adaptableLayers(model));
      // Without alpha in the file, alpha is the rank: its outputs are separate where the reference's alpha is another.
      const implied = tensors.has(`${kind}.alpha_equals_rank.unet`) && file.includes('flat-te');
      for (const named of i === 0 ? weights : weights.slice(0, 1)) {
        const weight = Number(named);
        const wanted = implied ? `${kind}.alpha_equals_rank` : `${kind}.scale${named}`;
        const got = await outputsWith(model, adapters, weight, at, runtime);
        for (const part of ['text', 'unet'] as const) {
          const { data, shape } = at(`${wanted}.${part}`);
          const values = part === 'unet' ? toChannelsFirst(got[part], shape) : got[part];
          yield compareArrays(`${file} at ${weight}: ${part}`, values, data, tolerance);
        }
      }
      yield* checkRoundTrips(model, file, adapters);
    }
    yield* checkKeys(model, kind, folder, files, keys);
  }
}

/** The strengths a file of outputs has for a kind, as its keys spell them (`KIND.scaleS.unet`), the largest first. */
function weightsOf(kind: string, keys: Iterable<string>, path: string): string[] {
  const start = `${kind}.scale`;
  const found = [...keys]
    .filter((key) => key.startsWith(start) && key.endsWith('.unet'))
    .map((key) => key.slice(start.length, -'.unet'.length))
    .sort((a, b) => Number(b) - Number(a));
  if (found.length > 0 && found.every((text) => Number.isFinite(Number(text)))) return found;
  throw new DataError('no outputs of these adapters at any strength', {
    code: 'data/no-reference-numbers',
    where: path,
    expected: `tensors ${start}NUMBER.text and .unet`,
    got: found.join(', ') || 'none',
  });
}

/** What both networks say with adapters attached at a weight. */
async function outputsWith(
  model: DiffusionModel,
  adapters: readonly StoredAdapter[],
  weight: number,
  at: Inputs,
  { engine, mode }: ParityRuntime,
): Promise<{ text: TypedData; unet: TypedData }> {
  const [sample, timesteps, ids] = [at('sample'), at('timesteps'), at('input_ids')];
  const [batch = 1, channels = 1, height = 1, width = 1] = sample.shape;
  const { initialValues, detach } = attachStored(model, adapters, { weight });
  try {
    const look = defineFunction(
      {
        latents: float32(batch, height, width, channels),
        timesteps: float32(batch),
        ids: int32(...ids.shape),
      },
      (inputs) => {
        const text = model.textEncoder.encode(inputs.ids);
        return { text, unet: model.noisePredictor.predict(inputs.latents, inputs.timesteps, text) };
      },
    );
    const program = await compile({ look }, { engine, mode });
    await program.load(baseWeights(model, program));
    if (initialValues.size > 0) await program.write(initialValues);
    const { text = new Float32Array(), unet = new Float32Array() } = await program.run('look', {
      latents: toChannelsLast(sample.data, sample.shape),
      timesteps: Float32Array.from(timesteps.data),
      ids: Int32Array.from(ids.data),
    });
    await program.dispose();
    return { text, unet };
  } finally {
    detach();
  }
}

/** Written in every spelling and read again: the same adapters, bit for bit. */
async function* checkRoundTrips(
  model: DiffusionModel,
  file: string,
  adapters: readonly StoredAdapter[],
): AsyncIterable<Comparison> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-lora-'));
  try {
    for (const format of LORA_FORMATS) {
      const options = { model, format, dtype: 'fp32', metadata: {} } as const;
      const written = await writeAdapters(join(folder), asWritten(adapters), options);
      const again = await Promise.all(
        written
          .filter((path) => path.endsWith('.safetensors'))
          .map((path) => readAdapters(path, adaptableLayers(model))),
      );
      const name = `${file} written as ${format} and read again`;
      const [got, want] = [flat(again.flatMap((read) => read.adapters)), flat(adapters)];
      yield compareArrays(name, got, want, EXACT);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const asWritten = (adapters: readonly StoredAdapter[]) =>
  adapters.map(({ method, layer, parts, scale, magnitude }) => ({
    method,
    layer,
    parts,
    scale,
    rank: parts['down']?.shape[0] ?? 1,
    ...(magnitude ? { magnitude } : {}),
  }));

/** All numbers of adapters in one row, in the order of their layers. */
function flat(adapters: readonly StoredAdapter[]): number[] {
  const place = ({ layer }: StoredAdapter): string => `${layer.component}.${layer.path}`;
  return adapters
    .toSorted((a, b) => (place(a) < place(b) ? -1 : 1))
    .flatMap(({ parts, scale, magnitude }) => [
      scale,
      ...Object.keys(parts)
        .sort()
        .flatMap((name) => [...(parts[name]?.values ?? [])]),
      ...(magnitude?.values ?? []),
    ]);
}

/** Keys and shapes of the files we write, against the reference's in the same spelling. */
async function* checkKeys(
  model: DiffusionModel,
  kind: string,
  folder: string,
  files: Readonly<Record<string, string>>,
  keys: z.infer<typeof shapes>,
): AsyncIterable<Comparison> {
  const target = await mkdtemp(join(tmpdir(), 'likeness-lora-'));
  try {
    for (const file of Object.keys(files)) {
      const wanted = Object.entries(keys[file] ?? {}).map(([key, shape]) => `${key} ${shape.join('x')}`);
      const kohya = wanted.some((line) => line.includes('.lora_down.weight'));
      const ours = wanted.every(
        (line) => !line.startsWith('lora_te1_') && !/\.lora\.|_linear_layer|text_encoder\.encoder/.test(line),
      );
      if (!ours) continue;
      const { adapters } = await readAdapters(join(folder, file), adaptableLayers(model));
      const options = { model, format: kohya ? 'kohya' : 'diffusers', dtype: 'fp32', metadata: {} } as const;
      const [path = ''] = await writeAdapters(target, asWritten(adapters), options);
      const { tensors } = await readSafetensorsHeader(path);
      const got = [...tensors.values()].map(({ name, shape }) => `${name} ${shape.join('x')}`);
      const differing = [
        ...got.filter((line) => !wanted.includes(line)),
        ...wanted.filter((line) => !got.includes(line)),
      ];
      yield {
        ...compareArrays(
          `${kind}: keys and shapes of ${file}`,
          [differing.length, got.length],
          [0, wanted.length],
          EXACT,
        ),
        ...(differing.length === 0 ? {} : { note: differing.slice(0, 3).join('; ') }),
      };
    }
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}
