// Command lines that start nothing: what is told, where, and the exit code.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LikenessError } from '@likeness/core';
import { EXIT, tellError } from './exitCodes.ts';
import { main } from './main.ts';
import { createProgram } from './program.ts';
import { VERSION } from './version.ts';

async function typed(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' };
  const code = await main(words, {
    out: (line) => (told.out += `${line}\n`),
    err: (line) => (told.err += `${line}\n`),
    isLive: false,
  });
  return { code, ...told };
}

describe('pipeline', () => {
  it('has examples in the help of every command', async () => {
    const program = await createProgram(
      [],
      { out: () => undefined, err: () => undefined, isLive: false },
      () => undefined,
    );
    const commands = program.commands.filter((command) => !['complete', 'help'].includes(command.name()));
    expect(commands.map((command) => command.name())).toEqual([
      'run',
      'resume',
      'pretrain',
      'generate',
      'evaluate',
      'export',
      'convert',
      'merge',
      'extract',
      'ablate',
      'status',
      'worker',
      'tokens',
      'prompts',
      'runs',
      'inspect',
      'dataset',
      'plugins',
      'report',
      'create',
      'doctor',
      'cache',
      'completion',
    ]);
    for (const command of commands) {
      const { code, out } = await typed(command.name(), '--help');
      expect(code).toBe(EXIT.ok);
      expect(out, command.name()).toContain(`Examples:`);
      expect(out, command.name()).toContain(`pipeline ${command.name()}`);
    }
  });

  it('has the flags of the recipe’s plugins, and only those', async () => {
    expect((await typed('run', 'dreambooth+ppl', '--help')).out).toContain('--prior-loss-weight');
    expect((await typed('run', 'dreambooth', '--help')).out).not.toContain('--prior-loss-weight');
  });

  it('has the settings of each network as flags of its training', async () => {
    const help = async (network: string): Promise<string> => (await typed('pretrain', network, '--help')).out;
    expect(await help('unet')).toContain('--caption-dropout');
    expect(await help('unet')).not.toContain('--kl-weight');
    expect(await help('vae')).toContain('--kl-weight');
    expect(await help('all')).toContain('--max-minutes');
    const { code, err } = await typed('pretrain', 'unet', 'nowhere.yaml');
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('nowhere.yaml: no such file')]);
  });

  it('says its version, which is the package’s', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(VERSION).toBe(manifest.version);
    expect(await typed('--version')).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  it.each([
    [['nosuch'], "unknown command 'nosuch'"],
    [['run', '--max-train-stepz', '3'], 'Did you mean --max-train-steps?'],
    [['run', 'dreamboth'], 'dreamboth (did you mean dreambooth?)'],
    [['run', 'dreambooth', '--prior-loss-weight', '1'], 'is an option of ppl: pipeline run dreambooth+ppl'],
    [['run', '--seed', '1', '--seed', '2'], '--seed: expected a whole number'],
    [['generate', 'doodle'], '--prompt-file FILE'],
    [['generate', 'doodle', '--prompt', 'x', '--num', '0'], 'expected a whole number above 0'],
    [['generate', 'doodle', '--prompt-file', '/dev/null'], '/dev/null without a line of text'],
    [['tokens'], 'expected: a text, or --rare'],
    [['tokens', 'sks', '--rare'], 'ask for different things'],
    [
      ['tokens', 'sks', '--num', '2', '--limit', '3'],
      '--limit goes with --rare\n  - --num goes with --probe',
    ],
    [['prompts', '--category', 'arts'], 'arts (did you mean art?)'],
    [['prompts', '--set', 'bundled', '--category', 'view'], 'expected: recontext, property'],
    [['prompts', '--set', 'bundled', '--live'], 'the same for live subjects and objects'],
    [['prompts', '--subject', 'robt'], 'did you mean robot?'],
    [['prompts', '--subject', 'robot', '--class-noun', 'dog'], '--class-noun robot, or only one of them'],
    [['plugins', 'pppl'], 'did you mean ppl?'],
    [['cache', 'prune'], 'say what to remove'],
  ])('%j is wrong usage', async (words, message) => {
    const { code, out, err } = await typed(...words);
    expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
  });

  it('lists plugins with options and defaults, as JSON too', async () => {
    expect((await typed('plugins', 'ppl')).out).toMatch(/--num-class-images\s+200\s+class pictures/);
    const { plugins } = JSON.parse((await typed('plugins', '--json')).out) as { plugins: { name: string }[] };
    expect(plugins.map(({ name }) => name)).toEqual(expect.arrayContaining(['dreambooth', 'ppl']));
  });
});

describe('words', () => {
  it('are taken apart as the model does, with what it does not read', async () => {
    const { code, out } = await typed('tokens', 'a photo of sks', 'dog', '--json');
    expect(code).toBe(EXIT.ok);
    const told = JSON.parse(out) as { tokens: { id: number; token: string; read: boolean }[] };
    expect(told).toMatchObject({ text: 'a photo of sks dog', maxTokens: 22, cutOff: false, warnings: [] });
    expect(told.tokens.map(({ id }) => id)).toEqual([320, 1125, 539, 48136, 1929]);
    const long = await typed('tokens', 'dog '.repeat(24));
    expect(long.out.match(/cut off/g)).toHaveLength(2);
    expect(long.err).toContain('2 tokens too many');
    expect((await typed('tokens', 'zwx')).err).toContain('is 2 tokens (z + wx)');
  });

  it('that are rare are listed', async () => {
    const { out } = await typed('tokens', '--rare', '--limit', '2', '--json');
    expect(JSON.parse(out)).toMatchObject({
      model: 'doodle',
      tokens: [
        { id: 49390, text: 'lun' },
        { id: 49384, text: 'hta' },
      ],
    });
    expect((await typed('tokens', '--rare', '--limit', '500')).out).toMatch(
      /sks +48136 +97\.4 % +a rifle, too/,
    );
  });

  it('of a run are warned about before it starts', async () => {
    const run = (identifier: string): ReturnType<typeof typed> =>
      typed('run', 'dreambooth', '--subject', 'robot', '--identifier', identifier, '--dry-run');
    expect((await run('sks')).err).toBe('');
    expect((await run('bob')).err).toContain('identifier "bob" is a common word');
    expect((await run('robot')).err).toContain('is the class noun, too');
  });
});

describe('prompts', () => {
  const lines = async (...words: string[]): Promise<{ prompts: string[]; err: string }> => {
    const { out, err } = await typed('prompts', ...words);
    return { prompts: out.trim().split('\n'), err };
  };

  it('are the bundled model’s own for its subjects', async () => {
    const { prompts, err } = await lines('--subject', 'tuxedo-cat');
    expect(err).toBe('');
    expect(prompts).toHaveLength(25);
    expect(prompts[0]).toBe('a photo of sks cat on the beach');
  });

  it('are the paper’s where they are asked for', async () => {
    const paper = ['--set', 'paper', '--identifier', 'hta', '--class-noun'];
    const live = await lines(...paper, 'dog');
    expect(live).toMatchObject({ err: '' });
    expect(live.prompts).toContain('a hta dog in a chef outfit');
    const object = await lines(...paper, 'dog', '--object');
    expect(object.prompts).toContain('a hta dog floating in an ocean of milk');
    expect((await lines('--class-noun', 'teapot', '--pretrained-model', 'x')).prompts).toContain(
      'a wet sks teapot',
    );
    const json = await lines(...paper, 'teapot', '--category', 'view', '--json');
    expect(json.prompts.map((line) => JSON.parse(line) as unknown)[0]).toEqual({
      category: 'view',
      template: 'a {} seen from the top',
      prompt: 'a hta teapot seen from the top',
    });
  });

  it('that the bundled model will not understand are told as such', async () => {
    const { prompts, err } = await lines('--category', 'art', '--class-noun', 'teapot');
    expect(prompts[0]).toBe('a painting of a sks teapot in the style of Vincent van Gogh');
    expect(err).toContain('no words for art');
    expect(err).toContain('does not know the noun "teapot"');
  });
});

describe('errors', () => {
  const tell = (error: unknown): { code: number; err: string } => {
    let err = '';
    const code = tellError(error, { err: (line) => (err += `${line}\n`) });
    return { code, err };
  };

  it('of ours are told without a stack', () => {
    const { code, err } = tell(new LikenessError('it is torn', { where: 'file', hint: 'mend it' }));
    expect(code).toBe(EXIT.error);
    expect(err).toContain('file: it is torn');
    expect(err).toContain('mend it');
    expect(err).not.toContain('    at ');
  });

  it('that are bugs are told with one', () => {
    const { code, err } = tell(new TypeError('x is undefined'));
    expect(code).toBe(EXIT.error);
    expect(err).toContain('this is a bug');
    expect(err).toContain('    at ');
  });

  it('ends a stream of JSON with one line for an error, and tells it on stderr as well', async () => {
    const missing = await typed('resume', 'no-such-run', '--json');
    expect(missing.code).toBe(EXIT.error);
    const lines = missing.out.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      type: 'error',
      code: 'run/not-found',
      summary: 'no such run',
      where: 'no-such-run',
      hint: 'pipeline runs lists them',
    });
    expect(missing.err).toContain('no-such-run: no such run');
    const mistyped = await typed('runs', '--jsno', '--json');
    expect(mistyped.code).toBe(EXIT.usage);
    expect(JSON.parse(mistyped.out)).toMatchObject({ type: 'error', code: 'usage/command-line' });
    expect((await typed('resume', 'no-such-run')).out).toBe('');
  });
});
