// Files of diffusers and PEFT over the tiny model, and the pictures diffusers draws with them: fixtures/interop. Pixels
// agree within one grey level. Exports in the hands of diffusers themselves: `npm run interop`.
import { cp, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage } from '@likeness/core';
import { temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { main } from '../main.ts';

interface Drawing {
  readonly picture: string;
  readonly what: string;
  readonly lora?: string;
  readonly embedding?: string;
  readonly scheduler?: string;
  readonly sampler?: string;
  readonly prompt?: string;
}

const FIXTURES = join(import.meta.dirname, '..', '..', '..', '..', 'fixtures');
const TINY = join(FIXTURES, 'tiny-sd1');
const INTEROP = join(FIXTURES, 'interop');
const { drawn, drawings, tolerance } = JSON.parse(await readFile(join(INTEROP, 'interop.json'), 'utf8')) as {
  drawn: { prompt: string; seed: number; steps: number; guidance_scale: number };
  drawings: Drawing[];
  tolerance: { levels: number };
};
const folder = temporaryFolder();

/** The tiny model with another scheduler's config, as diffusers saves it. */
async function modelWith({ scheduler, picture }: Drawing): Promise<string> {
  if (scheduler === undefined) return TINY;
  const model = join(folder, `model-${picture}`);
  await cp(TINY, model, {
    recursive: true,
    filter: (path) => !/unet|vae|text_encoder|tokenizer/.test(path.slice(TINY.length)),
  });
  for (const part of ['unet', 'vae', 'text_encoder', 'tokenizer'])
    await symlink(join(TINY, part), join(model, part));
  await cp(join(INTEROP, scheduler), join(model, 'scheduler', 'scheduler_config.json'));
  return model;
}

async function draw(drawing: Drawing): Promise<string> {
  const flag = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, value];
  const file = (name: string | undefined): string | undefined => name && join(INTEROP, name);
  // Without a scheduler of its own a drawing is DDIM's; with one, DDIM's where it says so.
  const sampler = drawing.scheduler === undefined ? 'ddim' : drawing.sampler;
  const lines: string[] = [];
  const said: string[] = [];
  const code = await main(
    [
      ...['generate', await modelWith(drawing), '--prompt', drawing.prompt ?? drawn.prompt, '--num', '1'],
      ...['--seed', String(drawn.seed), '--steps', String(drawn.steps), '--rng', 'torch', '--mode', 'graph'],
      ...['--guidance-scale', String(drawn.guidance_scale), ...flag('--sampler', sampler)],
      ...[...flag('--lora', file(drawing.lora)), ...flag('--embedding', file(drawing.embedding))],
      ...['--output-dir', join(folder, drawing.picture), '--json'],
    ],
    { out: (line) => lines.push(line), err: (line) => said.push(line), isLive: false },
  );
  expect(code, said.join('\n')).toBe(0);
  return (JSON.parse(lines.at(-1) ?? '') as { path: string }).path;
}

it.each(drawings)('draws what diffusers draws: $picture, $what', async (drawing) => {
  const ours = await decodeImage(await draw(drawing));
  const theirs = await decodeImage(join(INTEROP, 'pictures', `${drawing.picture}.png`));
  expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
  const levels = Array.from(ours.data, (value, i) => Math.abs(value - (theirs.data[i] ?? NaN)));
  expect(Math.max(...levels)).toBeLessThanOrEqual(tolerance.levels);
});
