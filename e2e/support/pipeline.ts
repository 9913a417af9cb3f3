// Runs the installed command as a process of its own and hears what it says.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandIn, installed } from './installed.ts';

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd: string;
  readonly uid?: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Result>;
}

/** Settings of a run that takes seconds: graph mode needs no compiling. */
export const TINY: readonly string[] = [
  '--mode',
  'graph',
  '--train-batch-size',
  '1',
  '--threads',
  '2',
  '--num-inference-steps',
  '2',
  '--num-samples',
  '1',
];

/** @param onLine hears every line of stdout while the command runs */
export function start(
  args: readonly string[],
  { cwd, uid }: SpawnOptions,
  onLine: (line: string, child: ChildProcess) => void = () => undefined,
): Running {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' };
  const child = spawn(process.execPath, [commandIn(installed('npm')), ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let stdout = '';
  let stderr = '';
  let unfinishedLine = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = (unfinishedLine + text).split('\n');
    unfinishedLine = lines.pop() ?? '';
    for (const line of lines) onLine(line, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = new Promise<Result>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, finished };
}

/** Runs the command to its end. */
export function pipeline(args: readonly string[], options: SpawnOptions): Promise<Result> {
  return start(args, options).finished;
}

/** The events of a run started with `--json`. */
export function eventsOf({ stdout }: Pick<Result, 'stdout'>): { type: string; [key: string]: unknown }[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type: string });
}

/** sha256 of every file below a folder, by relative path. */
export function hashesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    files.map((file) => [
      file.slice(folder.length + 1),
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    ]),
  );
}
