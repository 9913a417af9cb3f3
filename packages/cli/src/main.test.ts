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
      'export',
      'runs',
      'inspect',
      'dataset',
      'plugins',
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
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('nowhere.yaml: it cannot be read')]);
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
    [['generate', 'doodle'], "required option '--prompt <text>'"],
    [['generate', 'doodle', '--prompt', 'x', '--num', '0'], 'expected a whole number above 0'],
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

describe('errors', () => {
  const tell = (error: unknown): { code: number; err: string } => {
    let err = '';
    const code = tellError(error, { err: (line) => (err += `${line}\n`) });
    return { code, err };
  };

  it('of ours are told without a stack', () => {
    const { code, err } = tell(new LikenessError('it is torn', { where: 'file', cure: 'mend it' }));
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
});
