// A whole run with the installed command, and everything that can be done with what it leaves.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, hashesOf, pipeline, TINY, type Result } from './support/pipeline.ts';

const cwd = mkdtempSync(join(tmpdir(), 'likeness-run-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});
const settings = ['--max-train-steps', '4', '--checkpointing-steps', '2', '--num-class-images', '4', ...TINY];
const run = (...args: string[]): Promise<Result> => pipeline(args, { cwd });

describe('pipeline run', () => {
  let first: Result;
  let folder: string;

  beforeAll(async () => {
    // A cache of its own: the class pictures are really made.
    const own = ['--cache-dir', join(cwd, 'cache')];
    first = await run('run', 'dreambooth+ppl', '--subject', 'robot', ...settings, ...own, '--json');
    folder = join(cwd, 'runs', readdirSync(join(cwd, 'runs'))[0] ?? '');
  });

  it('tells every event as a line of JSON and nothing else', () => {
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const types = eventsOf(first).map(({ type }) => type);
    expect(types[0]).toBe('run-started');
    expect(types.at(-1)).toBe('run-finished');
    expect(types.filter((type) => type === 'step')).toHaveLength(4);
    expect(types).toEqual(
      expect.arrayContaining(['prior-image', 'samples-written', 'checkpoint-saved', 'exported']),
    );
  });

  it('leaves the run folder: config, events, samples with their sheet, checkpoints, export, model card', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'README.md',
      'checkpoints',
      'config.json',
      'events.jsonl',
      'export',
      'samples',
      'timings.jsonl',
    ]);
    expect(readdirSync(join(folder, 'checkpoints')).sort()).toEqual(['step-2', 'step-4']);
    expect(existsSync(join(folder, 'samples', 'step-4', 'sheet.png'))).toBe(true);
    expect(existsSync(join(folder, 'export', 'unet', 'diffusion_pytorch_model.safetensors'))).toBe(true);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(
      'instance_prompt: a photo of sks robot',
    );
  });

  it('says in the end what to type next', async () => {
    const { code, stdout } = await run('run', '--from', folder, '--output-dir', 'again', '--no-samples');
    expect(code).toBe(0);
    expect(stdout).toContain('npx pipeline generate again --prompt "a photo of sks robot on the beach"');
  });

  it('makes the same files again from what it made', async () => {
    const weights = join(folder, 'export', 'unet', 'diffusion_pytorch_model.safetensors');
    const { code } = await run('run', '--from', weights, '--output-dir', 'third', '--no-samples', '--quiet');
    expect(code).toBe(0);
    const { 'unet/diffusion_pytorch_model.safetensors': unet } = hashesOf(join(cwd, 'third', 'export'));
    // Samples are no part of the weights, but of the config in the metadata: the repetitions agree in all.
    expect(unet).toBe(hashesOf(join(cwd, 'again', 'export'))['unet/diffusion_pytorch_model.safetensors']);
    const compared = await run('runs', 'compare', folder, 'third');
    expect(compared.stdout).toContain('losses are equal in every bit over 4 steps');
  });

  it('makes pictures: picture i from seed + i', async () => {
    const prompt = ['--prompt', 'a photo of sks robot', '--steps', '2', '--mode', 'graph'];
    const two = await run('generate', folder, ...prompt, '--num', '2', '--seed', '5', '--output-dir', 'two');
    expect(two.code).toBe(0);
    await run(
      'generate',
      join(folder, 'export'),
      ...prompt,
      '--num',
      '1',
      '--seed',
      '6',
      '--output-dir',
      'one',
    );
    expect(readdirSync(join(cwd, 'two')).sort()).toEqual([
      '000-a-photo-of-sks-robot-seed5.png',
      '001-a-photo-of-sks-robot-seed6.png',
      'sheet.png',
    ]);
    expect(hashesOf(join(cwd, 'one'))['000-a-photo-of-sks-robot-seed6.png']).toBe(
      hashesOf(join(cwd, 'two'))['001-a-photo-of-sks-robot-seed6.png'],
    );
    const { stdout } = await run('inspect', join('two', '000-a-photo-of-sks-robot-seed5.png'));
    expect(stdout).toContain('Steps: 2, Sampler: ddim, CFG scale: 4, Seed: 5, Size: 64x64');
  });

  it('exports an earlier checkpoint, also as one file that makes the same pictures', async () => {
    const single = await run(
      'export',
      folder,
      '--step',
      '2',
      '--export-format',
      'ldm',
      '--output-dir',
      'single',
    );
    expect(single.code).toBe(0);
    await run('export', folder, '--step', '2', '--output-dir', 'whole');
    const prompt = ['--prompt', 'a robot', '--num', '1', '--steps', '2', '--mode', 'graph', '--json'];
    for (const name of ['single', 'whole']) {
      const made = await run('generate', name, ...prompt, '--output-dir', `from-${name}`);
      expect(made).toMatchObject({ code: 0, stderr: '' });
    }
    // The model's name is in the metadata; what was drawn is the same.
    const pixels = (name: string): Buffer => {
      const png = readFileSync(join(cwd, `from-${name}`, '000-a-robot-seed0.png'));
      return png.subarray(png.indexOf('IDAT'));
    };
    expect(pixels('single').equals(pixels('whole'))).toBe(true);
  });

  it('is done when it is done: resuming says so', async () => {
    const before = hashesOf(folder);
    expect(await run('resume', folder)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('finished already') as string,
    });
    expect(
      await run('run', '--from', folder, '--output-dir', folder, '--resume', 'latest', '--json'),
    ).toMatchObject({ code: 0 });
    expect(hashesOf(folder)).toEqual(before);
  });

  it('refuses to write over another run', async () => {
    const { code, stderr } = await run('run', '--output-dir', folder);
    expect(code).toBe(2);
    expect(stderr).toContain('there is a run in this folder already');
  });

  it('looks at runs, models and settings', async () => {
    expect((await run('runs')).stdout).toContain('a photo of sks robot');
    expect((await run('inspect', folder)).stdout).toContain('finished, step 4 of 4');
    expect((await run('inspect', 'doodle')).stdout).toContain('v_prediction');
    expect((await run('plugins')).stdout).toContain('--num-class-images');
    const planned = JSON.parse((await run('run', '--dry-run', '--json')).stdout) as {
      config: { maxTrainSteps: number };
      estimate: { trainedParameters: number };
    };
    expect(planned.config.maxTrainSteps).toBe(200);
    expect(planned.estimate.trainedParameters).toBe(16_564_496);
  });
});
