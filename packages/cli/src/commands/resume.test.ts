// Going on with a run by its name: beyond its end, from another folder, after things were moved, and never silently with
// another.
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEvents, readRun } from '@likeness/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleSubjects } from '../composition.ts';
import { EXIT } from '../exitCodes.ts';
import { main } from '../main.ts';

const before = process.cwd();
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'likeness-resume-'));
  process.chdir(home);
  await cp(fileURLToPath(new URL('../../../../fixtures/tiny-sd1', import.meta.url)), 'tiny', {
    recursive: true,
  });
  await mkdir('photos');
  const robot = exampleSubjects['robot']?.instanceDataDir ?? '';
  for (const name of (await readdir(robot)).filter((file) => /\.(png|jpg)$/.test(file)).slice(0, 2))
    await cp(join(robot, name), join('photos', name));
});
afterAll(async () => {
  process.chdir(before);
  await rm(home, { recursive: true, force: true });
});

async function typed(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' };
  const code = await main(words, {
    out: (line) => (told.out += `${line}\n`),
    err: (line) => (told.err += `${line}\n`),
    isLive: false,
  });
  return { code, ...told };
}

const RUN = ['run', 'dreambooth', '--pretrained-model', 'tiny', '--class-noun', 'robot'];
const SHORT = ['--resolution', '32', '--no-samples', '--learning-rate', '1e-3', '--cache-dir', 'cache'];
const start = (...more: string[]) => startWith('1', ...more);
const startWith = (steps: string, ...more: string[]) =>
  typed(...RUN, '--instance-data-dir', 'photos', ...SHORT, '--max-train-steps', steps, ...more);
const stepsOf = (folder: string): number[] =>
  readEvents(folder).flatMap((event) => (event.type === 'step' ? [event.step] : []));

describe('a run', () => {
  it('is trained further by every way of saying it, and told when it is done', async () => {
    expect((await start('--output-dir', 'o')).code).toBe(EXIT.ok);
    expect((await typed('resume', 'o')).out).toContain('pipeline resume o --max-train-steps 2');
    const taken = await start('--output-dir', 'o');
    expect(taken).toMatchObject({ code: EXIT.usage });
    expect(taken.err).toContain('pipeline resume o --max-train-steps 2');
    expect((await typed('resume', 'o', '--max-train-steps', '2')).code).toBe(EXIT.ok);
    expect((await typed('run', '--from', 'o', '--max-train-steps', '3', '--resume', 'latest')).code).toBe(
      EXIT.ok,
    );
    const checkpoint = ['--resume', 'o/checkpoints/step-3', '--max-train-steps', '4'];
    expect((await typed('run', '--from', 'o', ...checkpoint)).code).toBe(EXIT.ok);
    expect(stepsOf('o')).toEqual([1, 2, 3, 4]);
    expect(await readRun('o')).toMatchObject({ state: 'finished', step: 4, maxTrainSteps: 4 });
    const fewer = await typed('resume', 'o', '--max-train-steps', '2');
    expect(fewer).toMatchObject({ code: EXIT.usage });
    expect(fewer.err).toContain('never made shorter');
  }, 600_000);

  it('that cannot be trained further is refused, whoever asks', async () => {
    expect((await startWith('2', '--output-dir', 'c', '--lr-scheduler', 'cosine')).code).toBe(EXIT.ok);
    for (const words of [
      ['resume', 'c', '--max-train-steps', '3'],
      ['run', '--from', 'c', '--max-train-steps', '3', '--resume', 'latest'],
    ]) {
      const { code, err } = await typed(...words);
      expect(code).toBe(EXIT.usage);
      expect(err).toContain('lrScheduler cosine follows the number of steps');
    }
    expect(stepsOf('c')).toEqual([1, 2]);
  }, 600_000);

  it('goes on from another folder, and where pictures and model have moved', async () => {
    expect((await start('--output-dir', 'm')).code).toBe(EXIT.ok);
    await mkdir('elsewhere');
    process.chdir('elsewhere');
    const further = await typed('resume', join(home, 'm'), '--max-train-steps', '2');
    expect(further).toMatchObject({ code: EXIT.ok });
    expect(process.cwd()).toBe(join(home, 'elsewhere'));
    expect((await typed('run', '--from', '../m', '--max-train-steps', '3', '--resume', 'latest')).code).toBe(
      EXIT.ok,
    );
    process.chdir(home);
    await rename('photos', 'fotos');
    await rename('tiny', 'small');
    const moved = ['--instance-data-dir', 'fotos/', '--pretrained-model', './small'];
    expect((await typed('resume', 'm', '--max-train-steps', '4', ...moved)).code).toBe(EXIT.ok);
    await rename('fotos', 'photos');
    await rename('small', 'tiny');
    expect(stepsOf('m')).toEqual([1, 2, 3, 4]);
  }, 600_000);

  it('is found by content below runs/, and it is told when there is none', async () => {
    expect((await start()).code).toBe(EXIT.ok);
    const [name = ''] = await readdir('runs');
    const again = (...more: string[]) => typed(...RUN, ...SHORT, '--resume', 'latest', ...more);
    const found = await again('--instance-data-dir', './photos/', '--max-train-steps', '2');
    expect(found).toMatchObject({ code: EXIT.ok });
    expect(stepsOf(join('runs', name))).toEqual([1, 2]);
    expect(await readdir('runs')).toEqual([name]);
    const other = await again('--instance-data-dir', 'photos', '--max-train-steps', '2', '--seed', '7');
    expect(other.err).toContain('no run of these settings is here, so this one starts at step 0');
    expect(other.err).toContain('config.seed: 0 then, 7 now');
    expect(await readdir('runs')).toHaveLength(2);
  }, 600_000);
});

describe('--output-dir', () => {
  it('with anything of somebody else’s is refused and left as it is', async () => {
    await mkdir('mine');
    for (const name of ['README.md', 'a.txt', 'b.txt', 'c.txt']) await writeFile(join('mine', name), 'mine');
    for (const more of [[], ['--resume', 'latest']]) {
      const { code, err } = await start('--output-dir', 'mine', ...more);
      expect(code).toBe(EXIT.error);
      expect(err).toContain('README.md, a.txt, b.txt and 1 more');
      expect(err).toContain('run/foreign-folder');
    }
    await writeFile(join('mine', 'config.json'), '{}');
    expect((await start('--output-dir', 'mine')).err).toContain('run/foreign-folder');
    expect(await readFile('mine/README.md', 'utf8')).toBe('mine');
    expect(await readdir('mine')).toHaveLength(5);
  });

  it('that is a file, or lies below one, is told before anything is read', async () => {
    await writeFile('file', '');
    for (const folder of ['file', 'file/below']) {
      const { code, err } = await start('--output-dir', folder, '--pretrained-model', 'gone');
      expect(code).toBe(EXIT.error);
      expect(err).toContain('file/not-a-folder');
    }
  });
});
