// Adapters and new words with the installed command: taught, exported in another tool's spelling, drawn with.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pipeline, TINY, type Result } from './support/pipeline.ts';

const cwd = mkdtempSync(join(tmpdir(), 'likeness-adapters-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});
const run = (...args: string[]): Promise<Result> => pipeline(args, { cwd });
const teach = (recipe: string, outputDir: string, ...args: string[]): Promise<Result> =>
  run('run', recipe, '--max-train-steps', '2', '--no-samples', '--output-dir', outputDir, ...TINY, ...args);

/** What was drawn, without the text in the file. */
async function draw(source: string, ...args: string[]): Promise<string> {
  const settings = [
    '--num',
    '1',
    '--steps',
    '2',
    '--mode',
    'graph',
    '--output-dir',
    `drawn ${source}`,
    '--json',
  ];
  const { code, stderr, stdout } = await run('generate', source, ...settings, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { path } = JSON.parse(stdout.split('\n')[0] ?? '') as { path: string };
  const png = readFileSync(path);
  return png.subarray(png.indexOf('IDAT')).toString('base64');
}

describe('lora', () => {
  beforeAll(async () => {
    const rate = ['--learning-rate', '0.05'];
    expect(await teach('lora', 'adapters', '--lora-format', 'kohya', ...rate)).toMatchObject({ code: 0 });
  });
  const prompt = ['--prompt', 'a photo of sks robot'];

  it('is one file, and the same picture from the run, from its file, from an export that was moved', async () => {
    const file = join('adapters', 'export', 'lora.safetensors');
    expect(existsSync(join(cwd, file))).toBe(true);
    const drawn = await draw('adapters', ...prompt);
    expect(await draw('doodle', '--lora', file, ...prompt)).toBe(drawn);
    cpSync(join(cwd, 'adapters', 'export'), join(cwd, 'moved'), { recursive: true });
    expect(await draw('moved', ...prompt)).toBe(drawn);
    expect(await draw('doodle', '--lora', 'adapters', ...prompt)).toBe(drawn);
  });

  it('counts as much as it is told to: not at all is the base model', async () => {
    const base = await draw('doodle', ...prompt);
    expect(await draw('adapters', '--strength', '0', ...prompt)).toBe(base);
    expect(await draw('doodle', '--lora', 'adapters:0', ...prompt)).toBe(base);
    expect(await draw('adapters', '--strength', '0.5', ...prompt)).not.toBe(base);
  });

  it('says in the card how diffusers loads it', () => {
    const card = readFileSync(join(cwd, 'adapters', 'README.md'), 'utf8');
    expect(card).toContain('StableDiffusionPipeline.from_pretrained("doodle")');
    expect(card).toContain('pipe.load_lora_weights("export", weight_name="lora.safetensors")');
  });

  it('names what is not there, before anything is loaded', async () => {
    const { code, stderr } = await run('generate', 'doodle', '--lora', 'nowhere.safetensors', ...prompt);
    expect(code).toBe(2);
    expect(stderr).toContain('nowhere.safetensors');
  });
});

describe('textual inversion', () => {
  it('makes a word that draws alone, beside adapters, and under another name', async () => {
    expect(await teach('textual-inversion', 'word', '--gradient-accumulation-steps', '1')).toMatchObject({
      code: 0,
    });
    const file = join('word', 'export', 'learned_embeds.safetensors');
    const drawn = await draw('word', '--prompt', 'a photo of <sks>');
    expect(await draw('doodle', '--embedding', file, '--prompt', 'a photo of <sks>')).toBe(drawn);
    expect(
      await draw('doodle', '--embedding', `${file}=<my-robot>`, '--prompt', 'a photo of <my-robot>'),
    ).toBe(drawn);
    expect(await draw('doodle', '--prompt', 'a photo of <sks>')).not.toBe(drawn);
  });

  it('trains with adapters in one run, both exported', async () => {
    expect(await teach('lora+textual-inversion', 'both')).toMatchObject({ code: 0 });
    const files = ['pytorch_lora_weights.safetensors', 'learned_embeds.safetensors'];
    for (const file of files) expect(existsSync(join(cwd, 'both', 'export', file))).toBe(true);
    const prompt = ['--prompt', 'a photo of <sks>'];
    const [lora = '', word = ''] = files.map((file) => join('both', 'export', file));
    expect(await draw('doodle', '--lora', lora, '--embedding', word, ...prompt)).toBe(
      await draw('both', ...prompt),
    );
  });

  it('travels inside the file of adapters when that is asked for', async () => {
    const bundle = ['--bundle-embedding', '--lora-format', 'kohya'];
    expect(await teach('lora+textual-inversion', 'bundle', ...bundle)).toMatchObject({ code: 0 });
    const prompt = ['--prompt', 'a photo of <sks>'];
    const drawn = await draw('bundle', ...prompt);
    expect(await draw('doodle', '--lora', join('bundle', 'export', 'lora.safetensors'), ...prompt)).toBe(
      drawn,
    );
  });

  it('refuses prior preservation beside it alone, with the reason', async () => {
    const { code, stderr } = await teach('textual-inversion+ppl', 'refused');
    expect(code).not.toBe(0);
    expect(stderr).toContain('its gradient is zero');
  });
});
