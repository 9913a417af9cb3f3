// Every command of the README works, in the order it stands there; runs are made short.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from './support/installed.ts';
import { pipeline, TINY } from './support/pipeline.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
const commands = blocks.flatMap((block) => block.trim().split('\n'));

/** Words of a command line without shell magic: quotes only. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** The same command with less to do; flags the README gives stay. */
function shortened([name = '', ...args]: string[]): string[] {
  const isLong = !args.includes('--dry-run') && !args.includes('--help');
  const pairs = (flags: readonly string[]): string[] =>
    flags.flatMap((flag, i) => (i % 2 === 0 && !args.includes(flag) ? [flag, flags[i + 1] ?? ''] : []));
  if (name === 'run' && isLong) {
    // Without a recipe it is that of the command, of a config or of an earlier run: dreambooth+ppl in all of them.
    const [recipe = '--'] = args;
    const hasPrior = recipe.startsWith('--') || recipe.includes('ppl');
    const few = ['--max-train-steps', '2', '--checkpointing-steps', '1', ...TINY];
    return [name, ...args, ...pairs(hasPrior ? [...few, '--num-class-images', '4'] : few)];
  }
  if (name === 'generate') return [name, ...args, ...pairs(['--steps', '2', '--mode', 'graph'])];
  if (name === 'evaluate' && isLong) {
    const few = ['--images-per-prompt', '1', '--num-class-images', '1', '--images-per-unrelated-prompt', '1'];
    return [name, ...args, ...pairs([...few, '--num-inference-steps', '2', '--mode', 'graph'])];
  }
  if (name === 'export') return [name, ...args.map((word) => (word === '100' ? '1' : word))];
  return [name, ...args];
}

describe('the README', () => {
  let cwd: string;

  afterAll(() => {
    rmSync(cwd, { recursive: true, force: true });
  });

  beforeAll(() => {
    // Beside the installed packages, as a project of somebody who uses them.
    cwd = mkdtempSync(join(installed('npm'), 'readme-'));
    const doodle = join(installed('npm'), 'node_modules', '@likeness', 'doodle');
    cpSync(join(doodle, 'subjects', 'robot'), join(cwd, 'photos'), { recursive: true });
    mkdirSync(join(cwd, 'models'));
    cpSync(join(doodle, 'model'), join(cwd, 'models', 'stable-diffusion-v1-5'), { recursive: true });
    cpSync(join(root, 'examples', 'likeness.config.ts'), join(cwd, 'likeness.config.ts'));
  });

  const scripts = commands.filter((line) => !line.startsWith('npx pipeline '));
  it.each(scripts)('%s is a script of the clone', (line) => {
    const known = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const [manager, ...rest] = words(line);
    // A machine with only Node has npm, and nothing else that runs scripts.
    expect(manager).toBe('npm');
    expect(known.scripts).toHaveProperty((rest[0] === 'run' ? rest[1] : rest[0]) ?? '');
  });

  const lines = commands.filter((line) => line.startsWith('npx pipeline '));
  it.each(lines)('%s', async (line) => {
    const { code, stderr, stdout } = await pipeline(shortened(words(line).slice(2)), { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });

  it('names files that are there', () => {
    const paths = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) expect(() => readFileSync(join(root, path)), path).not.toThrow();
  });
});
