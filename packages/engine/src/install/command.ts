// Runs a tool of the machine and collects what it says.

import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit status; 127 when there is no such command. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each line of stdout as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs `command` without a shell. Never rejects: a missing command or a signal is a status other than 0. */
export function runCommand(
  command: string,
  args: readonly string[],
  { env, onLine }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: env === undefined ? process.env : { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let unfinishedLine = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      const lines = (unfinishedLine + chunk).split('\n');
      unfinishedLine = lines.pop() ?? '';
      if (onLine) lines.forEach(onLine);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ status: error.code === 'ENOENT' ? 127 : 126, stdout, stderr: stderr + error.message });
    });
    child.on('close', (code) => {
      resolve({ status: code ?? 128, stdout, stderr });
    });
  });
}

/** The last lines of a tool's output, which is where compilers and pip say what is wrong. */
export function lastLines(text: string, count = 12): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
