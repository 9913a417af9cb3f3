// Models with odd names, empty folders and configs that name what is none.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../model.ts';
import { samplerForConfig } from '../samplers/index.ts';
import { parseUNetConfig } from '../unetConfig.ts';
import { openModel, writeLdmFile } from './index.ts';
import { copyOfTiny, folder, TINY } from './testFolders.ts';

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('%s is no scheduler', (name) => {
  expect(() => samplerForConfig({ _class_name: name })).toThrow(
    expect.objectContaining({ code: 'sampler/no-counterpart' }) as Error,
  );
});

test('an empty tokenizer folder is called by its path', async () => {
  const copy = await copyOfTiny('no-tokens');
  const tokenizer = join(copy, 'tokenizer');
  for (const name of await readdir(tokenizer)) await rm(join(tokenizer, name));
  await expect(loadModel(copy)).rejects.toMatchObject({ code: 'tokenizer/missing-files', where: tokenizer });
});

test('a single file is one whatever the case of its ending', async () => {
  await mkdir(join(folder, 'capitals'));
  const path = join(folder, 'capitals', 'MODEL.SAFETENSORS');
  await writeLdmFile(path, (await openModel(TINY)).components, { dtype: 'F16' });
  expect((await openModel(path, { tokenizerFolder: join(TINY, 'tokenizer') })).format).toBe('ldm');
});

test('a byte order mark is no damage; a config that is no object is told by its file', async () => {
  const copy = await copyOfTiny('marked');
  const path = join(copy, 'unet', 'config.json');
  await writeFile(path, `\uFEFF${await readFile(path, 'utf8')}`);
  expect((await openModel(copy)).components.unet.config).toMatchObject({ in_channels: 4 });
  await writeFile(path, '[1]');
  await expect(openModel(copy)).rejects.toMatchObject({ code: 'json/damaged', where: path });
});

test('a config that asks for millions of layers is refused before anything is built', () => {
  expect(() => parseUNetConfig({ layers_per_block: 1e9 })).toThrow(/layers_per_block/);
  expect(() => parseUNetConfig({ layers_per_block: 60, transformer_layers_per_block: 60 })).toThrow(
    /at most 1000 transformer blocks/,
  );
});
