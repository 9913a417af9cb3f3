// The command from a config file to a model that opens: a small Stable Diffusion from random weights, all three networks,
// a few steps each; then what is finished is left alone, and what differs in the file starts elsewhere.
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, readEvents, writePng } from '@likeness/core';
import { loadModel } from '@likeness/stable-diffusion';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../exitCodes.ts';
import { main } from '../main.ts';

const TINY = new URL('../../../../fixtures/tiny-sd1', import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), 'likeness-pretrain-'));
afterAll(() => rm(folder, { recursive: true }));
const file = join(folder, 'config.json');

async function typed(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' };
  const code = await main(words, {
    out: (line) => (told.out += `${line}\n`),
    err: (line) => (told.err += `${line}\n`),
    isLive: false,
  });
  return { code, ...told };
}

beforeAll(async () => {
  await mkdir(join(folder, 'data'));
  for (let i = 0; i < 12; i++) {
    const [red = 0, green = 0] = createRng(0).stream('colour', 0, i).uniform(2);
    const data = Uint8Array.from(
      { length: 32 * 32 * 3 },
      (_, at) => [255 * red, 255 * green, at % 256][at % 3] ?? 0,
    );
    await writePng(join(folder, 'data', `${i}.png`), { width: 32, height: 32, data });
    await writeFile(join(folder, 'data', `${i}.txt`), red > green ? 'a red thing' : 'a green thing');
  }
  const network = { maxTrainSteps: 2, batchSize: 2 };
  const scheduler = {
    _class_name: 'DDIMScheduler',
    prediction_type: 'v_prediction',
    rescale_betas_zero_snr: true,
  };
  const settings = {
    data: './data',
    model: {
      from: TINY,
      random: ['vae', 'text_encoder', 'unet'],
      config: { scheduler },
    },
    cacheDir: join(folder, 'cache'),
    heldOutShare: 0.3,
    measurePictures: 2,
    mode: 'graph',
    numSamples: 1,
    numInferenceSteps: 2,
    vae: network,
    textEncoder: network,
    unet: { ...network, measureTimesteps: [500] },
  };
  await writeFile(file, JSON.stringify(settings));
});

it('makes a model, and does nothing a second time', async () => {
  const root = join(folder, 'made');
  const first = await typed('pretrain', 'all', file, '--output-dir', root, '--export-dtype', 'fp16');
  expect([first.code, first.err]).toEqual([EXIT.ok, expect.any(String)]);
  const model = await loadModel(join(root, 'unet/export'));
  expect(model.noiseSchedule.alphasCumprod.at(-1)).toBe(0);
  expect([...model.noisePredictor.tensors.values()].every(({ dtype }) => dtype === 'F16')).toBe(true);
  // The autoencoder's scale was measured by its training, and those after it keep it.
  const { latentCodec } = await loadModel(join(root, 'vae/export'));
  expect(latentCodec.scalingFactor).not.toBeCloseTo((await loadModel(TINY)).latentCodec.scalingFactor, 3);
  expect(model.latentCodec.scalingFactor).toBe(latentCodec.scalingFactor);
  const measured = readEvents(join(root, 'unet')).filter(({ type }) => type === 'measured');
  expect(measured.length).toBeGreaterThanOrEqual(2);

  const { mtimeMs } = await stat(join(root, 'unet/export/model_index.json'));
  const second = await typed('pretrain', 'all', file, '--output-dir', root, '--export-dtype', 'fp16');
  expect(second.code).toBe(EXIT.ok);
  expect((await stat(join(root, 'unet/export/model_index.json'))).mtimeMs).toBe(mtimeMs);
}, 300_000);

it('goes on with one network by its folder, as one file where that is asked for', async () => {
  const output = join(folder, 'alone');
  const words = ['pretrain', 'unet', file, '--output-dir', output, '--export-format', 'ldm'];
  expect((await typed(...words)).code).toBe(EXIT.ok);
  expect((await stat(join(output, 'export/model.safetensors'))).isFile()).toBe(true);
  const { code, out } = await typed('resume', output);
  expect([code, out]).toEqual([EXIT.ok, expect.stringContaining('finished already, after 2 steps')]);
  const again = join(folder, 'exported');
  const as = ['--export-format', 'diffusers', '--export-dtype', 'fp16'];
  expect((await typed('export', output, '--output-dir', again, ...as)).code).toBe(EXIT.ok);
  const halved = join(folder, 'halved');
  expect((await typed('pretrain', 'unet', file, '--output-dir', halved, ...as)).code).toBe(EXIT.ok);
  const [one, other] = [await loadModel(again), await loadModel(join(halved, 'export'))];
  expect(one.fingerprint).toBe(other.fingerprint);
}, 300_000);

it('measures an export as its training did', async () => {
  const output = join(folder, 'measured');
  const all = ['--held-out-share', '0', '--measure-pictures', '12', '--output-dir', output];
  expect((await typed('pretrain', 'vae', file, ...all)).code).toBe(EXIT.ok);
  const last = readEvents(output).findLast((event) => event.type === 'measured');
  const data = ['--data', join(folder, 'data'), '--cache-dir', join(folder, 'cache')];
  const exported = join(output, 'export');
  const { code, out } = await typed('pretrain', 'validate', exported, ...data, '--json');
  expect(code).toBe(EXIT.ok);
  const measures = JSON.parse(out) as Record<string, number>;
  expect(measures['pictures']).toBe(12);
  expect(measures['psnr']).toBeCloseTo(last?.measures['psnr'] ?? 0, 3);
  const subjects = await typed('pretrain', 'validate', exported, ...data, '--subjects', folder);
  expect([subjects.code, subjects.err]).toEqual([EXIT.usage, expect.stringContaining('only encoders')]);
  const pictures = await typed('pretrain', 'validate', exported, ...data, '--pictures', `base=${folder}`);
  expect([pictures.code, pictures.err]).toEqual([EXIT.usage, expect.stringContaining('--subjects FOLDER')]);
  const kind = await typed('pretrain', 'validate', exported, ...data, '--kind', 'noun');
  expect([kind.code, kind.err]).toEqual([EXIT.usage, expect.stringContaining('--kind would change nothing')]);
}, 300_000);

it('measures how far words move text states, where the data say which words', async () => {
  const said = join(folder, 'said');
  await mkdir(said);
  const rows = ['red', 'green'].map((colour, i) => ({
    ...{ file_name: `${i}.png`, text: `a ${colour} thing` },
    colour,
  }));
  for (const { file_name: name } of rows) await copyFile(join(folder, 'data', name), join(said, name));
  await writeFile(join(said, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const { code, out } = await typed('pretrain', 'validate', TINY, '--data', said, '--json');
  expect(code).toBe(EXIT.ok);
  expect(JSON.parse(out)).toMatchObject({ pictures: 2, 'apart.colour': expect.any(Number) as number });
}, 60_000);

it.each(['doodle', 'doodle-further', 'doodle-judges'])('%s lacks nothing but pictures', async (name) => {
  const nowhere = join(folder, 'nowhere');
  const places = ['--cache-dir', join(folder, 'cache'), '--output-dir', join(folder, name)];
  const { code, err } = await typed('pretrain', name, '--data', nowhere, ...places);
  expect([code, err]).toEqual([EXIT.error, expect.stringContaining(nowhere)]);
});

it('refuses what does not fit before anything starts', async () => {
  const wrong = await typed('pretrain', 'vae', file, '--crop-size-px', '31', '--batch-size', '0');
  expect(wrong.code).toBe(EXIT.usage);
  expect(wrong.err).toContain('batchSize: expected more than 0');
  const odd = await typed('pretrain', 'vae', file, '--crop-size-px', '31');
  expect([odd.code, odd.err]).toEqual([
    EXIT.usage,
    expect.stringContaining('vae.cropSizePx: 31 is no multiple of 2'),
  ]);
  const late = await typed(
    'pretrain',
    'unet',
    file,
    '--sampler',
    'pndm',
    '--output-dir',
    join(folder, 'late'),
  );
  expect([late.code, late.err]).toEqual([EXIT.usage, expect.stringContaining('pndm')]);
  expect(readEvents(join(folder, 'late')).some(({ type }) => type === 'step')).toBe(false);
  const endless = join(folder, 'endless.json');
  await writeFile(endless, JSON.stringify({ data: './data', model: TINY }));
  const { code, err } = await typed('pretrain', 'all', endless);
  expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('nothing says when training ends')]);
});
