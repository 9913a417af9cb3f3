// `npm run parity -- <fixtures folder>`: our numbers beside the reference's, tensor by tensor.
// Exit status: 0 all within tolerance, 1 an excess, 2 the command or the folder cannot be used.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, DataError, LikenessError, startEngine, type Engine, type Mode } from '@likeness/engine';
import { runParity } from './checks.ts';
import type { Comparison } from './comparison.ts';
import { checkHeading, comparisonLine, notCoveredLine, summary, type Style } from './report.ts';

const USAGE = `usage: npm run parity -- <fixtures folder> [options]

  --mode MODE     how networks run: graph (default), xla or eager
  --threads N     threads TensorFlow uses (default: the cores)
  --keep-going    go on after the first excess`;

const MODES = ['graph', 'xla', 'eager'] as const;

interface Command {
  readonly folder: string;
  readonly mode: Mode;
  readonly threads: number | undefined;
  readonly keepGoing: boolean;
}

/** @throws ConfigError for arguments that make no sense */
async function parseCommand(args: readonly string[]): Promise<Command | 'help'> {
  const { values, positionals } = parseArguments(args);
  if (values.help) return 'help';
  const [given, ...more] = positionals;
  if (given === undefined || more.length > 0) {
    throw new ConfigError('one fixtures folder is expected', {
      code: 'usage/bad-arguments',
      got: positionals.join(' ') || 'none',
      hint: USAGE,
    });
  }
  const mode = MODES.find((name) => name === (values.mode ?? 'graph'));
  if (mode === undefined) {
    throw new ConfigError('no such mode', {
      code: 'usage/bad-arguments',
      where: '--mode',
      expected: MODES.join(', '),
      got: values.mode ?? '',
    });
  }
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    throw new ConfigError('not a number of threads', {
      code: 'usage/bad-arguments',
      where: '--threads',
      got: values.threads ?? '',
    });
  }
  // Package managers run scripts in the package's folder and say here where the user was.
  const folder = resolve(process.env['INIT_CWD'] ?? '', given);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new DataError('no such folder', { code: 'file/missing', where: folder });
  return { folder, mode, threads, keepGoing: values['keep-going'] ?? false };
}

function parseArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: args.filter((argument) => argument !== '--'),
      allowPositionals: true,
      options: {
        mode: { type: 'string' },
        threads: { type: 'string' },
        'keep-going': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new ConfigError(cause instanceof Error ? cause.message : String(cause), {
      code: 'usage/bad-arguments',
      hint: USAGE,
      cause,
    });
  }
}

/** @returns the exit status */
async function run({ folder, mode, threads, keepGoing }: Command): Promise<number> {
  const style: Style = { colour: process.stdout.isTTY && !process.env['NO_COLOR'] };
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const comparisons: Comparison[] = [];
  let notBuilt = 0;
  let engine: Engine | undefined;
  const startRuntime = async () => {
    engine = await startEngine(threads === undefined ? {} : { threads });
    return { engine, mode };
  };
  try {
    for await (const event of runParity(folder, startRuntime)) {
      if (event.kind === 'check') print(`\n${checkHeading(event.title, style)}`);
      else if (event.kind === 'not covered') {
        if (notBuilt++ === 0) print('');
        print(notCoveredLine(event.what, style));
      } else {
        comparisons.push(event.comparison);
        print(comparisonLine(event.comparison, style));
        if (!event.comparison.ok && !keepGoing) break;
      }
    }
  } finally {
    await engine?.close();
  }
  if (comparisons.length === 0) {
    throw new DataError('no reference numbers found', {
      code: 'data/no-reference-numbers',
      where: folder,
      expected: 'a folder as fixtures/README.md describes',
    });
  }
  print(`\n${summary(comparisons, notBuilt, style)}`);
  return comparisons.every(({ ok }) => ok) ? 0 : 1;
}

try {
  const command = await parseCommand(process.argv.slice(2));
  if (command === 'help') process.stdout.write(`${USAGE}\n`);
  else process.exitCode = await run(command);
} catch (error) {
  // A check that cannot go on has numbers it never compared: no success either.
  if (!(error instanceof LikenessError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
