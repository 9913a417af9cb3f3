// What is refused before anything is computed.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../exitCodes.ts';
import { main } from '../main.ts';

async function typed(...words: string[]): Promise<{ code: number; err: string }> {
  let err = '';
  const code = await main(words, {
    out: () => undefined,
    err: (line) => (err += `${line}\n`),
    isLive: false,
  });
  return { code, err };
}

const FIXTURES = new URL('../../../../fixtures/evaluation', import.meta.url).pathname;

describe('pipeline evaluate', () => {
  it('wants to know what the subject of a model is', async () => {
    const { code, err } = await typed('evaluate', 'doodle', '--dino', join(FIXTURES, 'dino'));
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(/nobody knows what its subject is[\s\S]*--subject NAME/);
  });

  it('wants judges that are what they are said to be', async () => {
    const robot = ['evaluate', 'doodle', '--subject', 'robot'];
    expect((await typed(...robot, '--dino', 'nowhere')).err).toMatch(/no such folder/);
    const blind = await typed(...robot, '--clip', join(FIXTURES, 'dino'));
    expect(blind.err).toMatch(/reads no texts/);
    expect((await typed(...robot, '--classifier', join(FIXTURES, 'dino'))).err).toMatch(/no labels/);
  });

  it('wants sentences with a place for the subject', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'likeness-evaluate-')), 'prompts.txt');
    await writeFile(file, 'a photo of a dog\n');
    const { code, err } = await typed('evaluate', 'doodle', '--subject', 'robot', '--prompts', file);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(/a sentence with \{\}/);
    expect((await typed('evaluate', 'doodle', '--prompts', 'alive')).err).toMatch(/object, live, or a file/);
  });
});
