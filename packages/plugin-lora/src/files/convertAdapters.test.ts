// Every dialect into every other and back: the same bytes; and what cannot be said, with its reason.
import { mkdir, readFile, writeFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, readSafetensorsHeader, writeSafetensors, type DiffusionModel } from '@likeness/core';
import { createTinyModel, temporaryFolder } from '@likeness/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { adaptableLayers } from '../layers.ts';
import { LORA_FORMATS, METHODS, type LoraFormat } from '../options.ts';
import type { AdapterMethod } from '../adapters/adapter.ts';
import { convertAdapters } from './convertAdapters.ts';
import type { WeightsDtype, WrittenAdapter } from './dialects.ts';
import { writeAdapters } from './exportAdapters.ts';
import { openAdapters } from './openAdapters.ts';

const folder = temporaryFolder();
let model: DiffusionModel;
beforeAll(async () => {
  model = await createTinyModel(join(folder, 'model'));
});

const RUN = JSON.stringify({ learningRate: 1e-4, seed: 3, pretrainedModel: 'doodle' });

interface Kind {
  readonly method: AdapterMethod['name'];
  readonly dora?: boolean;
  readonly alpha?: number;
}

/** Adapters with random numbers on every layer of the tiny model, linear and convolution, UNet and text encoder. */
function adapters({ method, dora = false, alpha = 3 }: Kind): WrittenAdapter[] {
  const rng = createRng(5);
  return adaptableLayers(model).map((layer) => {
    const rank = layer.component === 'unet' ? 3 : 2;
    const plan = METHODS[method].plan(layer, { rank, initialisation: 'gaussian' });
    const numbers = (name: string, count: number): Float32Array =>
      rng.stream(`${layer.path}.${name}`, 0, 0).normal(count);
    const parts = Object.fromEntries(
      plan.map(({ name, shape }) => [
        name,
        {
          shape,
          values: numbers(
            name,
            shape.reduce((a, b) => a * b, 1),
          ),
        },
      ]),
    );
    const shapes = Object.fromEntries(plan.map(({ name, shape }) => [name, shape]));
    const scale = METHODS[method].rankOf(shapes) === undefined ? 1 : alpha / rank;
    const magnitude = dora ? { values: numbers('lengths', layer.shape[0] ?? 1) } : undefined;
    return { method: METHODS[method], layer, rank, scale, parts, ...(magnitude ? { magnitude } : {}) };
  });
}

async function written(
  kind: Kind,
  format: LoraFormat,
  dtype: WeightsDtype,
  metadata: Record<string, string>,
): Promise<string> {
  const place = join(folder, [kind.method, kind.dora, format, dtype, Object.keys(metadata).length].join('-'));
  await mkdir(place, { recursive: true });
  await writeAdapters(place, adapters(kind), { model, format, dtype, metadata });
  return place;
}

let counter = 0;
async function convert(from: string, format: LoraFormat): Promise<string> {
  const to = join(folder, `converted-${(counter += 1)}`);
  await mkdir(to);
  await convertAdapters(model, await openAdapters(from, adaptableLayers(model)), to, { format });
  return to;
}

const FILES: Readonly<Record<LoraFormat, readonly string[]>> = {
  diffusers: ['pytorch_lora_weights.safetensors'],
  kohya: ['lora.safetensors'],
  peft: ['unet', 'text_encoder'].flatMap((part) => [
    `${part}/adapter_model.safetensors`,
    `${part}/adapter_config.json`,
  ]),
};
const bytes = (place: string, format: LoraFormat): Promise<Buffer[]> =>
  Promise.all(FILES[format].map((name) => readFile(join(place, name))));

const SAYS: readonly (readonly [string, Kind, readonly LoraFormat[]])[] = [
  ['LoRA and LoCon', { method: 'lora' }, LORA_FORMATS],
  ['an alpha that is no multiple', { method: 'lora', alpha: Math.fround(0.1) }, LORA_FORMATS],
  ['DoRA', { method: 'lora', dora: true }, LORA_FORMATS],
  ['LoHa', { method: 'loha' }, ['peft', 'kohya']],
  ['LoKr', { method: 'lokr' }, ['peft', 'kohya']],
];

describe.each(SAYS)('%s', (_, kind, formats) => {
  const pairs = formats.flatMap((from) =>
    formats.filter((to) => to !== from).map((to) => [from, to] as const),
  );
  it.each(pairs)('%s to %s and back: the same bytes', async (from, to) => {
    for (const [dtype, metadata] of [
      ['fp32', {}],
      ['fp16', { format: 'pt', likeness: RUN }],
    ] as const) {
      const start = await written(kind, from, dtype, metadata);
      const there = await convert(start, to);
      const back = await convert(there, from);
      expect(await bytes(back, from)).toEqual(await bytes(start, from));
      // And what lies there is what would have been written there.
      const direct = await written(kind, to, dtype, metadata);
      expect(await bytes(there, to)).toEqual(await bytes(direct, to));
    }
  });
});

it('keeps what another tool has written into the header, but for hashes', async () => {
  const place = await written({ method: 'lora' }, 'kohya', 'fp32', {
    ss_tag_frequency: '{}',
    'modelspec.title': 'Mine',
  });
  const there = await convert(place, 'diffusers');
  const { metadata } = await readSafetensorsHeader(join(there, FILES.diffusers[0]!));
  expect(metadata).toMatchObject({ ss_tag_frequency: '{}', 'modelspec.title': 'Mine' });
  expect(Object.keys(metadata).filter((key) => /hash|ss_network/.test(key))).toEqual([]);
  expect(await bytes(await convert(there, 'kohya'), 'kohya')).toEqual(await bytes(place, 'kohya'));
});

it('keeps a type for each tensor, embeddings beside the adapters, and changes types when told to', async () => {
  const [layer] = adaptableLayers(model);
  const name = `lora_unet_${layer?.path.replaceAll('.', '_')}`;
  const [out = 1, inputs = 1, ...kernel] = layer?.shape ?? [];
  const path = join(folder, 'mixed.safetensors');
  await writeSafetensors(path, [
    { name: `${name}.alpha`, dtype: 'F16', shape: [], data: () => Float32Array.of(1.5) },
    {
      name: `${name}.lora_down.weight`,
      dtype: 'BF16',
      shape: [1, inputs, ...kernel],
      data: () => new Float32Array(inputs * kernel.reduce((a, b) => a * b, 1)).fill(2),
    },
    {
      name: `${name}.lora_up.weight`,
      dtype: 'F16',
      shape: [out, 1, ...kernel.map(() => 1)],
      data: () => new Float32Array(out).fill(3),
    },
    { name: 'bundle_emb.sks.clip_l', dtype: 'F16', shape: [1, 8], data: () => new Float32Array(8).fill(4) },
  ]);
  const file = await openAdapters(path, adaptableLayers(model));
  const target = join(folder, 'again.safetensors');
  const typesIn = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      [...(await readSafetensorsHeader(target)).tensors.values()].map((entry) => [
        entry.name.replace(name, ''),
        entry.dtype,
      ]),
    );
  await convertAdapters(model, file, target, { format: 'kohya' });
  expect(await typesIn()).toEqual({
    '.alpha': 'F32',
    '.lora_down.weight': 'BF16',
    '.lora_up.weight': 'F16',
    'bundle_emb.sks.clip_l': 'F16',
  });
  await convertAdapters(model, file, target, { format: 'kohya', dtype: 'fp32' });
  expect(await typesIn()).toMatchObject({ '.lora_down.weight': 'F32', '.lora_up.weight': 'F32' });
  await expect(convertAdapters(model, file, target, { format: 'diffusers' })).rejects.toThrow(
    /bundle_emb[^]*hint: --to kohya/,
  );
});

describe('refuses, with the reason and the way that goes', () => {
  it.each([
    [{ method: 'loha' }, 'diffusers', /diffusers reads no loha[^]*--to peft or kohya/],
    [{ method: 'lokr' }, 'diffusers', /diffusers reads no lokr/],
    [{ method: 'loha', dora: true }, 'peft', /DoRA over loha exists in LyCORIS only/],
  ] as const)('%j as %s', async (kind, format, reason) => {
    await expect(convert(await written(kind, 'kohya', 'fp32', {}), format)).rejects.toThrow(reason);
  });

  it('PEFT in one file, pickles, and folders that could mean anything', async () => {
    const place = await written({ method: 'lora' }, 'kohya', 'fp32', {});
    const file = await openAdapters(place, adaptableLayers(model));
    await expect(
      convertAdapters(model, file, join(folder, 'x.safetensors'), { format: 'peft' }),
    ).rejects.toThrow(/settings beside/);
    await writeFile(join(folder, 'old.pt'), 'PK');
    await expect(openAdapters(join(folder, 'old.pt'), [])).rejects.toThrow(/a pickle[^]*torch\.load/);
    // Beside a file whose name says what it is another may lie: the word of the same run.
    await writeFile(join(place, 'other.safetensors'), '');
    expect((await openAdapters(place, adaptableLayers(model))).adapters).toHaveLength(file.adapters.length);
    await rename(join(place, 'lora.safetensors'), join(place, 'mine.safetensors'));
    await expect(openAdapters(place, [])).rejects.toThrow(/could be meant/);
    await expect(openAdapters(join(folder, 'nowhere'), [])).rejects.toThrow(/nothing there/);
  });
});
