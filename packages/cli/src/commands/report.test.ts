// pipeline report as somebody types it, on a small report of made-up cells.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeReport, type CellResult } from '@likeness/ablation';
import { temporaryFolder } from '@likeness/core/testing';
import { beforeAll, expect, it } from 'vitest';
import { main } from '../main.ts';

const matrix = temporaryFolder();
const out = join(matrix, 'report', 'methods');

async function pipeline(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines: { out: string[]; err: string[] } = { out: [], err: [] };
  const code = await main(words, {
    out: (line) => lines.out.push(line),
    err: (line) => lines.err.push(line),
    isLive: false,
  });
  return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
}

beforeAll(async () => {
  const cells = ['dreambooth', 'lora'].flatMap((method, m) =>
    Array.from({ length: 6 }, (_, s): CellResult => ({
      id: `${method}-${s}`,
      status: 'done',
      factors: { method, rank: method === 'lora' ? 4 : null },
      subject: `subject ${s}`,
      seed: 0,
      measures: { dino: 0.5 + s / 64 - m / 16 + (m * (s % 3)) / 128 },
      samples: [],
    })),
  );
  await writeReport({
    cells,
    baseline: { method: 'dreambooth' },
    metrics: [{ name: 'dino', description: 'made up', better: 'higher' }],
    meta: { title: 'Made-up cells', configHash: 'c0ffee', versions: {}, weights: {}, judges: {} },
    resamples: 200,
    samplesRoot: matrix,
    out,
  });
});

it('writes the reports of a matrix again, to the same bytes', async () => {
  const before = await readFile(join(out, 'results.json'), 'utf8');
  const { code, out: told } = await pipeline('report', matrix);
  expect(code).toBe(0);
  expect(told).toMatch(/^7 files in .*methods\nopen .*report\.html$/);
  expect(await readFile(join(out, 'results.json'), 'utf8')).toBe(before);
});

it('several studies have an overview that leads to each', async () => {
  const several = temporaryFolder();
  // As in every matrix: its cells.
  await writeFile(join(several, 'results.json'), '{}');
  for (const name of ['one', 'two']) await cp(out, join(several, 'report', name), { recursive: true });
  const { code, out: told } = await pipeline('report', several);
  expect(code).toBe(0);
  expect(told.split('\n').at(-1)).toMatch(/^overview .*report.index\.html$/);
  const page = await readFile(join(several, 'report', 'index.html'), 'utf8');
  expect(page).toContain('href="one/report.html"');
  expect(page).toContain('href="two/report.html"');
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(ids).toEqual([...new Set(ids)]);
  expect(await readFile(join(several, 'report', 'overview.md'), 'utf8')).toMatch(
    /## one\n[^]*\| dreambooth \(baseline\) \|[^]*## two\n/,
  );
});

it('compares with another baseline, elsewhere', async () => {
  const elsewhere = join(temporaryFolder(), 'other');
  const { code } = await pipeline(
    'report',
    out,
    '--baseline',
    'method=lora',
    'rank=4',
    '--output-dir',
    elsewhere,
    '--json',
  );
  expect(code).toBe(0);
  const { analysis, metrics } = JSON.parse(await readFile(join(elsewhere, 'results.json'), 'utf8')) as {
    analysis: { baseline: object };
    metrics: { comparisons: { group: string; verdict: string }[] }[];
  };
  expect(analysis.baseline).toEqual({ method: 'lora', rank: 4 });
  expect(metrics[0]!.comparisons).toMatchObject([{ group: 'dreambooth', verdict: 'higher' }]);
});

it('says what is wrong', async () => {
  const unknown = await pipeline('report', out, '--baseline', 'method=dora');
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain('method=dreambooth, method=lora');
  const nowhere = await pipeline('report', temporaryFolder());
  expect(nowhere.code).toBe(1);
  expect((await pipeline('report', out, '--resamples', '5')).err).toContain('at least 100');
});
