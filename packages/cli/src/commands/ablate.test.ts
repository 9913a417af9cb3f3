// The command from a question to its cells: what is planned, shared, refused. Nothing trains here.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadQuestion, resolveQuestion } from '@likeness/ablation';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { shippedMatrices } from '../ablate/shippedMatrices.ts';
import { main } from '../main.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-ablate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function pipeline(...words: string[]): Promise<Told> {
  const lines = { out: [] as string[], err: [] as string[] };
  const code = await main(words, {
    out: (line) => lines.out.push(line),
    err: (line) => lines.err.push(line),
    isLive: false,
  });
  return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
}

const plan = (...words: string[]): Promise<Told> =>
  pipeline(
    'ablate',
    ...words,
    '--dry-run',
    '--no-measure',
    '--output-dir',
    join(folder, 'm'),
    '--cache-dir',
    join(folder, 'c'),
  );
const json = async (...words: string[]): Promise<Record<string, unknown>[]> => {
  const { out } = await plan(...words, '--json');
  return out.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('pipeline ablate --dry-run', () => {
  it('tells cells, what cannot run with the reason, and what is shared', async () => {
    const { code, out } = await plan(
      ...[
        '--axis',
        'method=dreambooth+ppl,lora+ppl',
        '--axis',
        'classNoun=correct,none',
        '--axis',
        'rank=2,4',
      ],
      ...['--seeds', '2', '--subjects', 'robot'],
    );
    expect(code).toBe(0);
    expect(out).toMatch(/dreambooth\+ppl +correct +– +2 +baseline/);
    expect(out).toMatch(/lora\+ppl +none +4 +0 of 2/);
    expect(out).toContain('6 cells, 6 places cannot run');
    expect(out).toContain('prior preservation needs to know the class');
    // Seeds have class pictures of their own; methods and ranks share them.
    expect(out).toContain('shared   2 sets of class pictures for 6 uses');
  });

  it('gives equal settings one name, and other settings another', async () => {
    const cells = (await json('--axis', 'method=lora', '--axis', 'rank=4,8', '--seeds', '1')).filter(
      ({ type }) => type === 'cell',
    );
    const [usual] = (await json('--axis', 'method=lora', '--seeds', '1')).filter(
      ({ type }) => type === 'cell',
    );
    expect(cells.map(({ id }) => id)).toContain(usual?.['id']);
    expect(new Set(cells.map(({ id }) => id)).size).toBe(2);
    const [threads] = await json('--axis', 'method=lora', '--seeds', '1', '--threads', '3');
    expect(threads?.['id']).not.toBe(usual?.['id']);
  });

  it('sizes adapters by the number of trained numbers', async () => {
    const words = [
      '--axis',
      'method=lora,dreambooth',
      '--seeds',
      '1',
      '--equal',
      'parameters',
      '--set',
      'lora.rank=8',
    ];
    const lines = await json(...words);
    expect(lines[0]?.['settings']).toMatchObject({ pluginOptions: { lora: { rank: 8 } } });
    expect(lines.find(({ type }) => type === 'invalid')?.['reason']).toContain(
      'it trains 16,564,496 numbers and has no rank',
    );
  });

  it('refuses what cannot be meant, with what was expected', async () => {
    const file = join(folder, 'wrong.yaml');
    await writeFile(file, 'axis: {}\nseeds: 0\n');
    const wrong = await plan(file);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('did you mean axes?');
    expect(wrong.err).toContain('seeds: expected more than 0');
    expect((await plan()).err).toContain('there is no question');
    expect((await plan('--axis', 'method=lora', '--subjects', 'robto')).err).toContain('did you mean robot?');
    expect((await plan(file, '--fast')).err).toContain('only matrices that come along');
    const queue = await pipeline(
      'ablate',
      '--axis',
      'method=lora',
      '--executor',
      'bullmq',
      '--output-dir',
      join(folder, 'q'),
    );
    expect(queue.err).toContain('--store is needed');
    expect((await pipeline('worker')).err).toContain('where do results go?');
    expect((await pipeline('status', folder)).err).toContain('no matrix has run here');
  });

  it.each(Object.entries(shippedMatrices))(
    '%s is a question, fast and as it stands',
    async (name, { path, fast }) => {
      const layers = [await loadQuestion(path), await loadQuestion(fast)];
      expect(Object.keys(resolveQuestion(layers, name).studies)).toContain('prior-preservation');
      const { out, code } = await plan(name, '--fast');
      expect(code).toBe(0);
      expect(out).not.toContain('cannot run');
    },
  );

  it('takes a file before a matrix of its name, but not a folder, such as the last one’s results', async () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(folder);
    await mkdir('paper');
    expect((await plan('paper', '--fast')).code).toBe(0);
    await writeFile('defaults', 'no matrix');
    expect((await plan('defaults', '--fast')).err).toContain('only matrices that come along');
  });
});
