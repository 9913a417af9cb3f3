// The encoders through the command: each learns on a few drawings, opens again, and a run that was killed and resumed
// ends with the bytes of one that never was.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRng, readEvents, writePng, type EventOf } from '@likeness/core';
import { loadImageEncoder } from '@likeness/evaluation';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../exitCodes.ts';
import { main } from '../main.ts';

const folder = await mkdtemp(join(tmpdir(), 'likeness-encoders-'));
afterAll(() => rm(folder, { recursive: true }));
const file = join(folder, 'config.json');

async function typed(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' };
  const io = {
    out: (line: string) => (told.out += `${line}\n`),
    err: (line: string) => (told.err += `${line}\n`),
    isLive: false,
  };
  const code = await main(words, io);
  return { code, ...told };
}

const NOUNS: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  ball: (x, y) => x * x + y * y < 0.4,
  stripe: (x) => Math.abs(x) < 0.25,
};
const COLOURS = { red: [220, 40, 40], blue: [50, 80, 220], green: [40, 190, 60], yellow: [230, 210, 40] };

beforeAll(async () => {
  const data = join(folder, 'data');
  await mkdir(data);
  const lines: string[] = [];
  for (let i = 0; i < 96; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = createRng(0).stream('picture', 0, i).uniform(4);
    const noun = a < 0.5 ? 'ball' : 'stripe';
    const [colour, inside] = Object.entries(COLOURS)[Math.floor(b * 4)]!;
    const ground = 215 * Math.floor(c * 2) + 40 * d;
    const pixels = new Uint8Array(16 * 16 * 3);
    for (let at = 0; at < 256; at++) {
      const [x, y] = [((at % 16) - 7.5) / 8, (Math.floor(at / 16) - 7.5) / 8];
      pixels.set(NOUNS[noun]!(x, y) ? inside : [ground, ground, ground], 3 * at);
    }
    const scene = ground < 128 ? 'night' : 'snow';
    await writePng(join(data, `${i}.png`), { width: 16, height: 16, data: pixels });
    lines.push(
      JSON.stringify({
        file_name: `${i}.png`,
        text: `a ${colour} ${noun} ${ground < 128 ? 'at night' : 'in the snow'}`,
        ...{ noun, colour, scene, drawing: `${colour}-${noun}` },
      }),
    );
  }
  await writeFile(join(data, 'metadata.jsonl'), lines.join('\n'));
  const training = { batchSize: 24, learningRate: 3e-3, lrWarmupSteps: 10, emaDecay: 0.9 };
  const vit = {
    ...{ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ image_size: 16, patch_size: 4 },
  };
  const settings = {
    data: './data',
    cacheDir: join(folder, 'cache'),
    heldOutShare: 0.3,
    mode: 'graph',
    exportDtype: 'fp16',
    imageEncoder: { ...training, config: vit, recolourShare: 0 },
    imageText: {
      ...training,
      vocabularySize: 1000,
      config: {
        projection_dim: 16,
        vision_config: vit,
        text_config: {
          ...{ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2 },
          max_position_embeddings: 16,
        },
      },
    },
    classifier: { ...training, config: vit },
  };
  await writeFile(file, JSON.stringify(settings));
});

const words = (network: string, name: string, steps: number): string[] => [
  ...['pretrain', network, file, '--output-dir', join(folder, name)],
  ...['--max-train-steps', String(steps)],
];
const train = (network: string, name: string, steps: number, ...more: string[]) =>
  typed(...words(network, name, steps), ...more);

/** Types it in a process of its own, which is killed when it has told of a step. */
async function trainAndKill(typedWords: readonly string[], atStep: number): Promise<void> {
  const program = join(import.meta.dirname, '../testing/killedCommand.ts');
  const flags = ['--conditions=@likeness/source', '--import', 'jiti/register'];
  // Where jiti is found.
  const cwd = join(import.meta.dirname, '../../../core');
  const child = spawn(process.execPath, [...flags, program, ...typedWords, '--json'], { cwd });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line) as { type: string; step?: number };
    if (event.type === 'step' && event.step === atStep) child.kill('SIGKILL');
  });
  const signal = await new Promise((done) => child.on('close', (_code, by) => done(by)));
  expect([signal, complaint]).toEqual(['SIGKILL', '']);
}
const measures = (name: string): Readonly<Record<string, number>>[] =>
  readEvents(join(folder, name))
    .filter((event): event is EventOf<'measured'> => event.type === 'measured')
    .map((event) => event.measures);

it('tells individuals apart', async () => {
  const { code, err } = await train('image-encoder', 'individuals', 120);
  expect([code, err]).toEqual([EXIT.ok, '']);
  const last = measures('individuals').at(-1)!;
  expect(last['retrieved']).toBeGreaterThan(0.9);
  expect(last['auc.ofKind']).toBeGreaterThan(0.98);
  const encoder = await loadImageEncoder(join(folder, 'individuals/export'));
  expect([encoder.resolution, encoder.featureSize]).toEqual([16, 32]);
  expect([...encoder.components[0]!.tensors.values()].every(({ dtype }) => dtype === 'F16')).toBe(true);
});

it('matches pictures and captions, with a tokenizer of its own', async () => {
  expect((await train('image-text', 'clip', 250)).code).toBe(EXIT.ok);
  expect(measures('clip').at(-1)!['retrieved.of24']).toBeGreaterThan(0.8);
  const { text } = await loadImageEncoder(join(folder, 'clip/export'));
  expect(text!.tokenizer.encode('a red ball').length).toBeGreaterThan(2);
  const config = JSON.parse(await readFile(join(folder, 'clip/export/config.json'), 'utf8')) as {
    text_config: { vocab_size: number; eos_token_id: number };
  };
  expect(config.text_config).toMatchObject({ vocab_size: 1000, eos_token_id: 999 });
  expect(text!.tokenizer.encodePadded('a red ball')).toContain(999);
});

it('classifies every column', async () => {
  expect((await train('classifier', 'classes', 150)).code).toBe(EXIT.ok);
  const {
    'accuracy.noun': noun,
    'accuracy.scene': scene,
    'accuracy.colour': colour,
  } = measures('classes').at(-1)!;
  expect(Math.min(noun!, scene!, colour!)).toBeGreaterThan(0.9);
  const { labels } = await loadImageEncoder(join(folder, 'classes/export'));
  expect(labels!.columns).toEqual({
    noun: ['ball', 'stripe'],
    scene: ['night', 'snow'],
    colour: ['blue', 'green', 'red', 'yellow'],
  });
});

it.each(['image-encoder', 'image-text', 'classifier'])(
  '%s: killed and resumed ends bit for bit as one that never stopped',
  async (network) => {
    const end = async (name: string): Promise<unknown> => ({
      weights: createHash('sha256')
        .update(await readFile(join(folder, name, 'export/model.safetensors')))
        .digest('hex'),
      steps: readEvents(join(folder, name)).filter(({ type }) => type === 'step'),
    });
    const [whole, killed] = [`${network}-whole`, `${network}-killed`];
    expect((await train(network, whole, 5)).code).toBe(EXIT.ok);
    await trainAndKill([...words(network, killed, 5), '--checkpoint-minutes', '0'], 3);
    const again = ['--checkpoint-minutes', '0', '--resume', 'latest', '--json'];
    const { code, err, out } = await train(network, killed, 5, ...again);
    expect([code, err]).toEqual([EXIT.ok, '']);
    expect(JSON.parse(out.split('\n')[0]!)).toMatchObject({ type: 'run-started', resumedFrom: 2 });
    expect(await end(killed)).toEqual(await end(whole));
  },
);

it('refuses what does not fit', async () => {
  const wide = await train('image-encoder', 'wide', 4, '--resolution', '32');
  expect([wide.code, wide.err]).toEqual([EXIT.usage, expect.stringContaining('the encoder takes 16 pixels')]);
  const nobody = await train('image-encoder', 'nobody', 4, '--identity', 'owner');
  expect(nobody.err).toContain('which pictures show the same individual');
});

it('measures whether they are fit to judge', async () => {
  const cache = ['--cache-dir', join(folder, 'cache'), '--threads', '1', '--json'];
  const validate = async (name: string, ...more: string[]): Promise<unknown> => {
    const data = ['--data', join(folder, 'data'), ...more];
    const { code, out } = await typed(
      'pretrain',
      'validate',
      join(folder, name, 'export'),
      ...data,
      ...cache,
    );
    expect(code).toBe(EXIT.ok);
    return JSON.parse(out);
  };
  const told = (await validate('individuals')) as Record<string, number>;
  expect(told['retrieved.inAnotherScene']).toBeGreaterThan(0.4);
  expect(told['auc.ofKind']).toBeGreaterThan(0.9);
  expect(told['explained.scene']).toBeLessThan(told['explained.scene.pixels']!);
  expect(await validate('clip')).toMatchObject({ pictures: 96, captions: 4 });
  expect(await validate('classes')).toMatchObject({ 'accuracy.scene': 1 });

  // A subject: the red ball; its class are balls of all colours.
  const lines = (await readFile(join(folder, 'data/metadata.jsonl'), 'utf8')).split('\n');
  const own = lines.map((line) => JSON.parse(line) as { file_name: string; drawing: string });
  const red = own.filter(({ drawing }) => drawing === 'red-ball').map(({ file_name: name }) => name);
  for (const [i, name] of red.entries()) {
    const place = join(folder, 'subjects/red', i < 3 ? '' : 'further');
    await mkdir(place, { recursive: true });
    await copyFile(join(folder, 'data', name), join(place, name));
  }
  await writeFile(join(folder, 'subjects/subjects.json'), JSON.stringify({ red: { classNoun: 'ball' } }));
  const rows = (await validate('individuals', '--subjects', join(folder, 'subjects'))) as {
    group: string;
    mean: number;
    auc?: number;
  }[];
  expect(rows.map(({ group }) => group)).toEqual(['subject', 'class']);
  expect(rows[0]!.mean).toBeGreaterThan(rows[1]!.mean + 0.2);
  const data = ['--data', join(folder, 'data'), '--subjects', join(folder, 'subjects')];
  const who = await typed(
    'pretrain',
    'validate',
    join(folder, 'individuals/export'),
    ...data,
    '--identity',
    'noun',
  );
  expect([who.code, who.err]).toEqual([
    EXIT.usage,
    expect.stringContaining('--identity would change nothing'),
  ]);
});
