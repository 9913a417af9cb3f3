// convert, merge and extract as somebody types them, on the bundled model.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, writeSafetensors } from '@likeness/core';
import { temporaryFolder } from '@likeness/core/testing';
import * as doodle from '@likeness/doodle';
import { beforeAll, expect, it } from 'vitest';
import { main } from '../main.ts';

const folder = temporaryFolder();
const [lora, style, word] = ['robot.safetensors', 'style.safetensors', 'cat.safetensors'].map((name) =>
  join(folder, name),
) as [string, string, string];

async function pipeline(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines: { out: string[]; err: string[] } = { out: [], err: [] };
  const code = await main(words, {
    out: (line) => lines.out.push(line),
    err: (line) => lines.err.push(line),
    isLive: false,
  });
  return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
}

const QUERY = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q';
beforeAll(async () => {
  const [unet] = await readdir(join(doodle.modelDir, 'unet'));
  expect(unet).toBeDefined();
  const config = JSON.parse(await readFile(join(doodle.modelDir, 'unet', 'config.json'), 'utf8')) as {
    block_out_channels: number[];
  };
  const width = config.block_out_channels.at(-1) ?? 1;
  for (const [i, path] of [lora, style].entries()) {
    const numbers = (name: string): Float32Array =>
      createRng(i)
        .stream(name, 0, 0)
        .normal(2 * width)
        .map((value) => 0.1 * value);
    await writeSafetensors(path, [
      { name: `unet.${QUERY}.lora_A.weight`, dtype: 'F32', shape: [2, width], data: () => numbers('down') },
      { name: `unet.${QUERY}.lora_B.weight`, dtype: 'F32', shape: [width, 2], data: () => numbers('up') },
    ]);
  }
  await writeSafetensors(word, [
    {
      name: '<cat>',
      dtype: 'F16',
      shape: [2, 8],
      data: () => Float32Array.from({ length: 16 }, (_, i) => i),
    },
  ]);
});

const facts = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

it('merges, subtracts and finds the difference again', async () => {
  const [merged, back, found] = ['merged', 'back', 'found.safetensors'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const put = await pipeline(
    'merge',
    'doodle',
    '--lora',
    `${lora}:0.8`,
    '--lora',
    style,
    '--output-dir',
    merged,
    '--json',
  );
  expect(put.err).toBe('');
  expect(facts(put.out)).toMatchObject({
    done: 'merged',
    changed: 1,
    adapters: [
      { name: 'robot.safetensors', weight: 0.8 },
      { name: 'style.safetensors', weight: 1 },
    ],
  });
  const took = await pipeline(
    'merge',
    merged,
    '--lora',
    style,
    '--lora',
    `${lora}:0.8`,
    '--subtract',
    '--output-dir',
    back,
  );
  expect(took.out).toMatch(/the base model again, bit for bit/);
  const file = join('unet', 'diffusion_pytorch_model.safetensors');
  expect((await readFile(join(back, file))).equals(await readFile(join(doodle.modelDir, file)))).toBe(true);
  const difference = await pipeline(
    'extract',
    'doodle',
    merged,
    found,
    '--rank',
    '4',
    '--lora-format',
    'kohya',
    '--json',
  );
  expect(difference.err).toBe('');
  expect(facts(difference.out)['layers']).toMatchObject([{ layer: `unet.${QUERY}`, rank: 4 }]);
  expect(facts(difference.out)['energyKept']).toBeGreaterThan(0.999);
  const arithmetic = await pipeline(
    'merge',
    merged,
    '--lora',
    `${lora}:-0.8`,
    '--output-dir',
    join(folder, 'near'),
  );
  expect(arithmetic.out).toMatch(/other adapters or weights[^]*no weight is further than/);
}, 60_000);

it('merges into a single file and takes it out again: the same file', async () => {
  const [base, merged, back] = ['base', 'merged', 'again'].map((name) =>
    join(folder, `${name}.ldm.safetensors`),
  ) as [string, string, string];
  await pipeline('convert', 'doodle', base, '--to', 'ldm');
  const ldm = ['--lora', lora, '--export-format', 'ldm', '--output-dir'];
  expect(await pipeline('merge', base, ...ldm, merged)).toMatchObject({ code: 0, err: '' });
  expect(await pipeline('merge', merged, '--subtract', ...ldm, back)).toMatchObject({ code: 0, err: '' });
  expect((await readFile(back)).equals(await readFile(base))).toBe(true);
  expect((await readFile(merged)).equals(await readFile(base))).toBe(false);
}, 60_000);

it('joins, and cuts to a rank', async () => {
  const joined = join(folder, 'joined');
  const all = await pipeline(
    'merge',
    'doodle',
    '--lora',
    lora,
    '--lora',
    `${style}:0.5`,
    '--lora-only',
    '--rank',
    '3',
    '--lora-format',
    'peft',
    '--output-dir',
    joined,
  );
  expect(all.out).toMatch(/rank 3\nkeeps {4}\d\d\.\d % of the energy/);
  expect(await readdir(joined)).toEqual(['unet']);
}, 60_000);

it('converts adapters, embeddings and models, and nothing over something', async () => {
  const [kohya, again, params] = ['k.safetensors', 'd.safetensors', 'my-cat.safetensors'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  expect((await pipeline('convert', lora, kohya, '--to', 'kohya')).code).toBe(0);
  expect((await pipeline('convert', kohya, again, '--to', 'diffusers', '--quiet')).out).toBe(again);
  const refused = await pipeline('convert', kohya, again, '--to', 'diffusers');
  expect([refused.code, refused.err]).toEqual([
    2,
    expect.stringMatching(/stands there already[^]*--overwrite/),
  ]);
  expect((await pipeline('convert', kohya, again, '--to', 'diffusers', '--overwrite')).code).toBe(0);

  await pipeline('convert', word, params, '--to', 'kohya');
  await pipeline('convert', params, join(folder, 'cat-again.safetensors'), '--to', 'diffusers');
  expect((await readFile(join(folder, 'cat-again.safetensors'))).equals(await readFile(word))).toBe(true);

  const [single, whole] = [join(folder, 'single.safetensors'), join(folder, 'whole')];
  expect(await pipeline('convert', 'doodle', single, '--to', 'ldm')).toMatchObject({ code: 0, err: '' });
  expect(await pipeline('convert', single, whole, '--to', 'diffusers')).toMatchObject({ code: 0, err: '' });
  for (const part of ['unet/diffusion_pytorch_model', 'text_encoder/model', 'vae/diffusion_pytorch_model']) {
    const tensors = async (root: string): Promise<string> =>
      (await pipeline('inspect', join(root, `${part}.safetensors`), '--all')).out.split('\n\n')[0] ?? '';
    const lines = async (root: string): Promise<string[]> => (await tensors(root)).split('\n').sort();
    expect(await lines(whole)).toEqual(await lines(doodle.modelDir));
  }
}, 60_000);

it.each([
  [
    ['merge', 'doodle', '--lora', 'LORA', '--output-dir', 'x', '--rank', '4'],
    /--rank does nothing without --lora-only/,
  ],
  [['merge', 'doodle', '--lora', 'LORA', '--output-dir', 'x.safetensors'], /a diffusers model is a folder/],
  [['merge', 'doodle', '--lora', 'LORA:x', '--output-dir', 'x'], /weight is no number/],
  [
    ['convert', 'LORA', 'x.safetensors', '--to', 'ldm'],
    /adapters have no such spelling[^]*diffusers or peft or kohya/,
  ],
  [
    ['convert', 'LORA', 'x.safetensors', '--to', 'kohya', '--token', 'a'],
    /--token says nothing about adapters/,
  ],
  [['convert', 'PICKLE', 'x.safetensors', '--to', 'kohya'], /a pickle/],
  [['convert', 'nowhere.safetensors', 'x.safetensors', '--to', 'kohya'], /nothing there/],
  [['extract', 'doodle', 'doodle', 'x.safetensors'], /layers of both models are equal/],
  [
    ['extract', 'doodle', 'doodle', 'x.safetensors', '--target', 'to_z'],
    /targets that name no layer[^]*to_z/,
  ],
  [['extract', 'doodle', 'doodle', 'x.safetensors', '--energy', '2'], /expected a share above 0, up to 1/],
])('refuses %j', async (words, reason) => {
  await mkdir(join(folder, 'refused'), { recursive: true });
  await writeFile(join(folder, 'old.pt'), 'PK');
  const placed = words.map((text) =>
    text
      .replace('LORA', lora)
      .replace('PICKLE', join(folder, 'old.pt'))
      .replace(/^x/, join(folder, 'refused', 'x')),
  );
  const { code, err } = await pipeline(...placed);
  expect(code).not.toBe(0);
  expect(err).toMatch(reason);
  expect(await readdir(join(folder, 'refused'))).toEqual([]);
});
