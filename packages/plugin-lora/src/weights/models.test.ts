// Whole models on disk: adapters into them, out of them, together, and found again in the difference. Long, since all of it
// needs the same models, written once.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createRng,
  generatePictures,
  readTensor,
  writeSafetensors,
  type DiffusionModel,
} from '@likeness/core';
import { createTinyModel, openTinyModel, temporaryFolder } from '@likeness/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { attachStored } from '../attach.ts';
import { convertAdapters, toWrite } from '../files/convertAdapters.ts';
import type { WrittenAdapter } from '../files/dialects.ts';
import { writeAdapters } from '../files/exportAdapters.ts';
import { openAdapters } from '../files/openAdapters.ts';
import type { StoredAdapter } from '../files/readAdapters.ts';
import { adaptableLayers } from '../layers.ts';
import { METHODS } from '../options.ts';
import { extractAdapters } from './extractAdapters.ts';
import { joinAdapters } from './joinAdapters.ts';
import { totalShare } from './lowRank.ts';
import { isRecordOf, mergeAdapters, subtractAdapters, type WeightedFile } from './mergeAdapters.ts';
import { readUndoRecord, undoPathOf } from './undoRecord.ts';
import { weightChange } from './weightChange.ts';

const folder = temporaryFolder();
let model: DiffusionModel;
let files: { lora: StoredAdapter[]; dora: StoredAdapter[]; loha: StoredAdapter[]; lokr: StoredAdapter[] };

beforeAll(async () => {
  model = await createTinyModel(join(folder, 'base'));
  files = {
    lora: adapters('lora', 1),
    dora: adapters('lora', 2, true),
    loha: adapters('loha', 3),
    lokr: adapters('lokr', 4),
  };
});

function adapters(name: keyof typeof METHODS, seed: number, dora = false): StoredAdapter[] {
  const method = METHODS[name];
  return adaptableLayers(model).map((layer) => {
    const rng = createRng(seed);
    const numbers = (part: string, count: number): Float32Array =>
      rng
        .stream(`${layer.path}.${part}`, 0, 0)
        .normal(count)
        .map((value) => 0.3 * value);
    const plan = method.plan(layer, { rank: 2, initialisation: 'kaiming' });
    const parts = Object.fromEntries(
      plan.map(({ name: part, shape }) => [
        part,
        {
          shape,
          values: numbers(
            part,
            shape.reduce((a, b) => a * b, 1),
          ),
          dtype: 'F32' as const,
        },
      ]),
    );
    const lengths = numbers('lengths', layer.shape[0] ?? 1).map((value) => 1 + Math.abs(value));
    const shapes = Object.fromEntries(plan.map(({ name: part, shape }) => [part, shape]));
    return {
      method,
      layer,
      parts,
      scale: method.rankOf(shapes) === undefined ? 1 : 0.5,
      rank: 2,
      ...(dora ? { magnitude: { values: lengths, axis: 'out', dtype: 'F32' } as const } : {}),
    };
  });
}

const asIs = { format: 'diffusers', dtype: 'asIs', metadata: {} } as const;
let counter = 0;
async function place(): Promise<string> {
  const path = join(folder, `made-${(counter += 1)}`);
  await mkdir(path);
  return path;
}
const weightsIn = async (path: string): Promise<Buffer[]> => {
  const names = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.safetensors'));
  return Promise.all(names.sort().map((name) => readFile(join(path, name))));
};

async function pictureOf(
  drawn: DiffusionModel,
  initialValues = new Map<string, Float32Array>(),
): Promise<Uint8Array> {
  const settings = { sampler: 'tiny', numInferenceSteps: 3, guidanceScale: 2, rng: 'philox' } as const;
  const pictures = generatePictures({
    ...settings,
    sampler: drawn.samplers[0] ?? '',
    model: drawn,
    prompts: [{ prompt: 'a dog', seed: 1 }],
    batchSize: 1,
    mode: 'eager',
    initialValues,
  });
  for await (const { image } of pictures) return Uint8Array.from(image.data);
  throw new Error('one picture was asked for');
}

describe('merged', () => {
  it('draws what the model draws with the adapters attached, several of every kind', async () => {
    const all = [files.lora, files.dora, files.loha, files.lokr].map((own, i) => ({
      adapters: own,
      weight: 0.3 + 0.1 * i,
    }));
    const path = await place();
    await mergeAdapters(model, all, path, { ...asIs, undo: false });
    const attached = all.map(({ adapters: own, weight }, i) =>
      attachStored(model, own, { weight, name: String(i) }),
    );
    const wanted = await pictureOf(
      model,
      new Map(attached.flatMap(({ initialValues }) => [...initialValues])),
    );
    for (const { detach } of attached.toReversed()) detach();
    const got = await pictureOf(await openTinyModel(path));
    expect(Math.max(...got.map((value, i) => Math.abs(value - (wanted[i] ?? NaN))))).toBeLessThanOrEqual(1);
    const base = await pictureOf(model);
    expect(got.some((value, i) => Math.abs(value - (base[i] ?? NaN)) > 20)).toBe(true);
  }, 60_000);

  it('gives the base’s bytes back by its record, DoRA included, in whatever dialect the adapters come', async () => {
    const all: WeightedFile[] = [
      { adapters: files.lora, weight: 0.7 },
      { adapters: files.dora, weight: 1 },
      { adapters: files.lokr, weight: -0.5 },
    ];
    const [path, back] = [await place(), await place()];
    const { undoBytes, changed } = await mergeAdapters(model, all, path, { ...asIs, undo: true });
    expect(changed).toBe(adaptableLayers(model).length);
    expect(undoBytes).toBeGreaterThan(0);
    expect((await readdir(path)).filter((name) => name.startsWith('.'))).toEqual([]);
    const record = await readUndoRecord(undoPathOf(path));
    // The order they are named in is no matter: the record knows it.
    const named = await Promise.all(
      all.toReversed().map(async ({ adapters: own, weight }) => ({ adapters: await rewritten(own), weight })),
    );
    expect(record && isRecordOf(record, named)).toBe(true);
    expect(record && isRecordOf(record, all.slice(1))).toBe(false);
    const merged = await openTinyModel(path);
    await subtractAdapters(merged, named, back, { ...asIs, ...(record ? { record } : {}) });
    expect(await weightsIn(back)).toEqual(await weightsIn(join(folder, 'base')));
    expect(await weightsIn(path)).not.toEqual(await weightsIn(back));
    expect((await openTinyModel(back)).fingerprint).toBe(record?.base);
  });

  it('and says when it has changed since', async () => {
    const [path, back] = [await place(), await place()];
    const all = [{ adapters: files.lora, weight: 1 }];
    await mergeAdapters(model, all, path, { ...asIs, undo: true });
    const record = await readUndoRecord(undoPathOf(path));
    await createTinyModel(path, { seed: 5 });
    const attempt = subtractAdapters(await openTinyModel(path), all, back, {
      ...asIs,
      ...(record ? { record } : {}),
    });
    await expect(attempt).rejects.toThrow(/not as the merge left it/);
  });

  it('without a record gives it back to rounding, and tells how far off that can be; not DoRA', async () => {
    const [path, back] = [await place(), await place()];
    const all = [
      { adapters: files.lora, weight: 1 },
      { adapters: files.loha, weight: 0.5 },
    ];
    await mergeAdapters(model, all, path, { ...asIs, undo: false });
    const merged = await openTinyModel(path);
    const { largestError } = await subtractAdapters(merged, all, back, asIs);
    const again = await openTinyModel(back);
    let largest = 0;
    for (const [key, entry] of model.noisePredictor.tensors) {
      const [a, b] = [await readTensor(entry), await readTensor(again.noisePredictor.tensors.get(key)!)];
      a.forEach((value, i) => (largest = Math.max(largest, Math.abs(value - b[i]!))));
    }
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThanOrEqual(largestError);
    expect(largestError).toBeLessThan(1e-6);
    const dora = [{ adapters: files.dora, weight: 1 }];
    await expect(subtractAdapters(merged, dora, back, asIs)).rejects.toThrow(/written nowhere/);
  });

  it('stops between two weights and leaves no record behind', async () => {
    const path = await place();
    const stop = new AbortController();
    const attempt = mergeAdapters(model, [{ adapters: files.lora, weight: 1 }], path, {
      ...asIs,
      undo: true,
      signal: stop.signal,
      onProgress: (done) => {
        if (done === 2) stop.abort();
      },
    });
    await expect(attempt).rejects.toThrow(/abort/i);
    expect(
      (await readdir(path, { recursive: true })).filter((name) => /undo|unet.*safetensors|tmp/.test(name)),
    ).toEqual([]);
  });
});

/** Through a file of another dialect. */
async function rewritten(own: readonly StoredAdapter[]): Promise<readonly StoredAdapter[]> {
  const [first, second] = [await place(), await place()];
  const layers = adaptableLayers(model);
  await writeAdapters(first, own.map(toWrite), { model, format: 'kohya', dtype: 'fp32', metadata: {} });
  const file = await openAdapters(first, layers);
  await convertAdapters(model, file, second, { format: 'peft' });
  return (await openAdapters(second, layers)).adapters;
}

const changeOf = (adapter: StoredAdapter | WrittenAdapter): Float64Array =>
  weightChange(adapter as StoredAdapter);
function expectClose(got: Float64Array, wanted: Float64Array, tolerance: number): void {
  expect(got).toHaveLength(wanted.length);
  const largest = Math.max(...got.map((value, i) => Math.abs(value - (wanted[i] ?? NaN))));
  expect(largest).toBeLessThan(tolerance);
}

describe('joined', () => {
  const sumOf = (all: readonly WeightedFile[], at: number): Float64Array => {
    const changes = all.map(({ adapters: own, weight }) => changeOf(own[at]!).map((value) => weight * value));
    return changes.reduce((sum, change) => sum.map((value, i) => value + change[i]!));
  };

  it('acts as all of them: ranks side by side', async () => {
    const all = [
      { adapters: files.lora, weight: 0.7 },
      { adapters: adapters('lora', 9), weight: -0.4 },
    ];
    const joined = await joinAdapters(all);
    expect(joined.adapters).toHaveLength(files.lora.length);
    joined.adapters.forEach((adapter, at) => {
      expect(adapter.rank).toBe(4);
      expectClose(changeOf(adapter), sumOf(all, at), 1e-6);
    });
    expect(totalShare(joined.shares)).toBe(1);
  });

  it('cut to a rank: keeps what it says', async () => {
    for (const second of [adapters('lora', 9), files.lokr]) {
      const all = [
        { adapters: files.lora, weight: 0.7 },
        { adapters: second, weight: 1 },
      ];
      const joined = await joinAdapters(all, { rank: 3 });
      joined.adapters.forEach((adapter, at) => {
        const [sum, got] = [sumOf(all, at), changeOf(adapter)];
        const energy = sum.reduce((total, value) => total + value ** 2, 0);
        const lost = sum.reduce((total, value, i) => total + (value - got[i]!) ** 2, 0);
        const { energy: told, keptEnergy } = joined.shares[at]!;
        expect(adapter.rank).toBe(3);
        expect(keptEnergy / told).toBeCloseTo(1 - lost / energy, 4);
      });
      expect(totalShare(joined.shares)).toBeGreaterThan(0.5);
      expect(totalShare(joined.shares)).toBeLessThan(1);
    }
  });

  it('refuses what is no sum of ranks', async () => {
    await expect(joinAdapters([{ adapters: files.dora, weight: 1 }], { rank: 2 })).rejects.toThrow(/DoRA/);
    await expect(joinAdapters([{ adapters: files.loha, weight: 1 }])).rejects.toThrow(/loha[^]*--rank/);
  });
});

describe('extracted', () => {
  it('from a model and its merge: the product of the factors again', async () => {
    const path = await place();
    await mergeAdapters(model, [{ adapters: files.lora, weight: 0.8 }], path, { ...asIs, undo: false });
    const tuned = await openTinyModel(path);
    const {
      adapters: found,
      shares,
      leftOver,
    } = await extractAdapters(model, tuned, adaptableLayers(model), { rank: 2 });
    expect(leftOver).toEqual([]);
    expect(found).toHaveLength(files.lora.length);
    for (const adapter of found) {
      const own = files.lora.find(({ layer }) => layer.path === adapter.layer.path);
      // Merging rounded each weight, of size 1, to 2^-24.
      expectClose(
        changeOf(adapter),
        changeOf(own!).map((value) => 0.8 * value),
        2e-6,
      );
    }
    expect(totalShare(shares)).toBeCloseTo(1, 6);
    const cut = await extractAdapters(model, tuned, adaptableLayers(model), { rank: 1 });
    expect(totalShare(cut.shares)).toBeLessThan(0.99);
    const byEnergy = await extractAdapters(model, tuned, adaptableLayers(model), { rank: 128, energy: 0.8 });
    for (const { rank, energy, keptEnergy } of byEnergy.shares) {
      expect(keptEnergy).toBeGreaterThanOrEqual(0.8 * energy);
      expect(rank).toBeLessThanOrEqual(2);
    }
    expect(new Set(byEnergy.shares.map(({ rank }) => rank))).toEqual(new Set([1, 2]));
  });

  it('tells what cannot be in it, and leaves alone what differs by rounding only', async () => {
    const [other, half] = [join(folder, 'other'), join(folder, 'half')];
    const tuned = await createTinyModel(other, { seed: 1 });
    const chosen = adaptableLayers(model).filter(({ component }) => component === 'unet');
    const { leftOver, adapters: found } = await extractAdapters(model, tuned, chosen, { rank: 1 });
    expect(found).toHaveLength(chosen.length);
    const names = leftOver.map(({ weight }) => weight);
    expect(names).toContain('unet.conv_in.bias');
    expect(names).toContain('text_encoder.text_model.embeddings.token_embedding.weight');
    expect(names.some((name) => name.startsWith('vae.'))).toBe(true);

    await createTinyModel(half);
    for (const component of [model.noisePredictor, model.textEncoder, model.latentCodec]) {
      const [entry] = component.tensors.values();
      await writeSafetensors(
        entry!.file.replace(join(folder, 'base'), half),
        [...component.tensors.values()].map((tensor) => ({
          ...tensor,
          dtype: 'F16',
          data: () => readTensor(tensor),
        })),
      );
    }
    const rounded = await extractAdapters(model, await openTinyModel(half), adaptableLayers(model), {
      rank: 1,
    });
    expect(rounded).toEqual({ adapters: [], shares: [], leftOver: [] });
    await rm(half, { recursive: true });
  });
});
