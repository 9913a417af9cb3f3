// Which process this is, so that others can tell whether it still lives: its number alone may belong to another one
// by then, and a killed process whose parent has not noticed keeps it.
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** For people. */
  readonly host: string;
  /** Equal where processes see each other's numbers: one boot of one machine, one container. */
  readonly machine: string;
  /** When it started, in the system's own words; empty where that cannot be found out. */
  readonly start: string;
}

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= { pid: process.pid, host: hostname(), machine: machineName(), start: startOf(process.pid) ?? '' };
  return own;
}

/** Whether a process of this machine still runs; undefined for one of another machine, where nobody can look. */
export function isRunning({ pid, machine, start }: ProcessIdentity): boolean | undefined {
  if (machine !== ownIdentity().machine) return undefined;
  if (!exists(pid)) return false;
  const found = startOf(pid);
  return found === undefined || start === '' || found === start;
}

function machineName(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // there, but another user's
  }
}

/** `ended` for a process that was killed and not yet waited for by its parent. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid);
  try {
    // The command, in parentheses, may hold anything: fields are counted behind it. Here 3 (state) and 22 (start).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env });
  const [, state = '', start] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? [];
  return state.startsWith('Z') ? 'ended' : start;
}
