// LPIPS beside lpips 0.1.4 on torchvision's trunks: narrow ones with random lin layers, and full widths with the trained
// ones. float32 on both sides: 20 times the reference's own distance from float64 (at most 1.4e-7) is allowed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pixelsToImage, readSafetensorsHeader, readTensor, writeSafetensors } from '@likeness/core';
import { temporaryFolder } from '@likeness/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { channelsLast, FIXTURES } from '../testing/fixtures.ts';
import { openLpips, type LpipsJudge } from './openLpips.ts';

const FOLDER = join(FIXTURES, 'lpips');
const ATOL = 3e-6;
const { tensors } = await readSafetensorsHeader(join(FOLDER, 'lpips.safetensors'));

interface FullWeights {
  readonly key: string;
  readonly shape: readonly number[];
  readonly seed: number;
  readonly bound: number;
  readonly first: readonly number[];
}
const facts = JSON.parse(readFileSync(join(FOLDER, 'lpips.json'), 'utf8')) as {
  readonly full: Readonly<Record<string, { readonly weights: readonly FullWeights[] }>>;
};

const expected = (key: string): Promise<Float32Array> => readTensor(tensors.get(key)!);

/** Pairs of `name.a` and `name.b`. */
async function pairs(prefix = '', count = Infinity) {
  const [a, b] = [tensors.get(`${prefix}a`)!, tensors.get(`${prefix}b`)!];
  const [number = 0, channels = 0, height = 0, width = 0] = a.shape;
  const rows = (values: Float32Array): Float32Array[] =>
    Array.from({ length: Math.min(number, count) }, (_, i) =>
      channelsLast(values.slice(i * channels * height * width, (i + 1) * channels * height * width)),
    );
  const [first, second] = [rows(await readTensor(a)), rows(await readTensor(b))];
  return { size: { height, width }, pairs: first.map((row, i) => [row, second[i]!] as const) };
}

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got).toHaveLength(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThan(ATOL);
}

const opened: LpipsJudge[] = [];
const open = async (...args: Parameters<typeof openLpips>): Promise<LpipsJudge> => {
  const judge = await openLpips(...args);
  opened.push(judge);
  return judge;
};
afterAll(async () => {
  for (const judge of opened) await judge.close();
});

describe('LPIPS', () => {
  it.each(['alex', 'vgg', 'squeeze'] as const)('%s: every depth is the reference’s', async (trunk) => {
    const judge = await open(join(FOLDER, `${trunk}-narrow.safetensors`), { threads: 1 });
    expect(judge.trunk).toBe(trunk);
    const { size, pairs: asked } = await pairs();
    const rows = await judge.contributions(asked, size);
    expectClose(
      rows.flatMap((row) => [...row]),
      await expected(`${trunk}-narrow.layers`),
    );
    expectClose(
      rows.map((row) => row.reduce((sum, x) => sum + x, 0)),
      await expected(`${trunk}-narrow.distance`),
    );
    if (trunk !== 'squeeze') return;
    const odd = await pairs('odd.');
    const [row = []] = await judge.contributions(odd.pairs, odd.size);
    expectClose(row, await expected(`${trunk}-narrow.odd.layers`));
  });

  it('squeeze: a pool’s last window hangs over the edge, as torch’s ceil_mode has it', async () => {
    // The fixtures' sizes leave nothing over; this is torch 2.13 on the first 62 x 58 pixels of the first pair.
    const { pairs: asked } = await pairs('', 1);
    const [height, width] = [62, 58];
    const cut = (pixels: Float32Array): Float32Array =>
      Float32Array.from({ length: height * width * 3 }, (_, i) => {
        const [y, x] = [Math.floor(i / (width * 3)), i % (width * 3)];
        return pixels[y * 64 * 3 + x]!;
      });
    const judge = opened.find(({ trunk }) => trunk === 'squeeze')!;
    const [row = []] = await judge.contributions([[cut(asked[0]![0]), cut(asked[0]![1])]], { height, width });
    expectClose(row, [
      ...[0.2601214349269867, 0.20295210182666779, 0.015728134661912918, 0.006765257101505995],
      ...[0.0035548964515328407, 0.0024700427893549204, 0.0019652079790830612],
    ]);
  });

  it('reads torchvision’s trunk and the trained lin layers from two files of a folder', async () => {
    const folder = temporaryFolder();
    const lin = await readSafetensorsHeader(join(FOLDER, 'lin.safetensors'));
    await writeSafetensors(
      join(folder, 'lin.safetensors'),
      await Promise.all(
        [...lin.tensors.values()].map(async (entry) => {
          const values = await readTensor(entry);
          return { name: entry.name, dtype: 'F32' as const, shape: entry.shape, data: () => values };
        }),
      ),
    );
    await writeSafetensors(
      join(folder, 'alexnet.safetensors'),
      facts.full['alex']!.weights.map(({ key, shape, seed, bound, first }) => {
        const values = mulberryWeights(shape, seed, bound);
        expectClose(values.subarray(0, first.length), first);
        return { name: key, dtype: 'F32' as const, shape, data: () => values };
      }),
    );
    const judge = await open(folder, { threads: 1 });
    const { size, pairs: asked } = await pairs('', 3);
    const rows = await judge.contributions(asked, size);
    expectClose(
      rows.flatMap((row) => [...row]),
      await expected('alex-full.layers'),
    );
  });

  it('is 0 for equal pictures and refuses other sizes', async () => {
    const judge = opened[0]!;
    const { size, pairs: asked } = await pairs('', 1);
    const picture = pixelsToImage(asked[0]![0], size.width, size.height);
    expect(await judge.distances([[picture, picture]])).toEqual([0]);
    const small = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) };
    await expect(judge.distances([[picture, small]])).rejects.toThrow(/one size/);
  });

  it('names what a file lacks', async () => {
    await expect(openLpips(join(FOLDER, 'lin.safetensors'))).rejects.toThrow(/not the trunk/);
  });
});

/** The fixtures' formula: successive doubles of mulberry32. */
function mulberryWeights(shape: readonly number[], seed: number, bound: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (2 * (((t ^ (t >>> 14)) >>> 0) / 4294967296) - 1) * bound;
  });
}
