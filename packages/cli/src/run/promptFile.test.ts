import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { promptTexts } from './promptFile.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-prompts-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('typed prompts come first, then the lines of the file', async () => {
  const promptFile = join(folder, 'prompts.txt');
  await writeFile(promptFile, 'a cat\r\n\n  a dog \n');
  expect(await promptTexts({ prompt: ['a robot'], promptFile })).toEqual(['a robot', 'a cat', 'a dog']);
  expect(await promptTexts({ prompt: ['a robot'] })).toEqual(['a robot']);
});

it('nothing to show, and a file that is not there, are told', async () => {
  await expect(promptTexts({})).rejects.toThrow('--prompt TEXT or --prompt-file FILE');
  await expect(promptTexts({ promptFile: join(folder, 'gone.txt') })).rejects.toThrow(
    'gone.txt: no such file or folder',
  );
});
