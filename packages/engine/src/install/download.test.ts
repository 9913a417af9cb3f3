import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';
import { announcedBytes, downloadWheel } from './download.ts';
import type { LockedWheel } from './lock.ts';
import { plantModules } from '../testing/plantModules.ts';
import { findToolchain } from './tools.ts';

// A wheel made here and served by a folder that stands in for the index: pip itself runs, the network does not.
const FILENAME = 'likeness_probe-1.0-py3-none-manylinux2014_x86_64.whl';
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('likeness_probe-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: likeness-probe\\nVersion: 1.0\\n')
    wheel.writestr('likeness_probe-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\n')
    wheel.writestr('likeness_probe-1.0.dist-info/RECORD', '')
`;

describe('downloadWheel', () => {
  let folder: string;
  let wheel: LockedWheel;
  const silent = (): void => undefined;
  const environment = { ...process.env };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-wheel-'));
    const served = join(folder, FILENAME);
    expect((await runCommand('python3', ['-c', MAKE_WHEEL, served])).status).toBe(0);
    const sha256 = createHash('sha256').update(readFileSync(served)).digest('hex');
    wheel = { name: 'likeness-probe', version: '1.0', filename: FILENAME, sha256 };
    process.env['PIP_NO_INDEX'] = '1';
    process.env['PIP_FIND_LINKS'] = folder;
  });
  afterEach(() => {
    process.env = { ...environment };
    rmSync(folder, { recursive: true });
  });

  it('brings the wheel of another platform, checks it and leaves nothing else', async () => {
    const cache = join(folder, 'cache');
    expect(await downloadWheel(wheel, cache, silent)).toBe(join(cache, FILENAME));
    expect(readdirSync(cache)).toEqual([FILENAME]);
  });

  it('runs no pip.py of the working folder, nor of PYTHONPATH', async () => {
    const planted = plantModules(folder, 'pip', 'zipfile', 'hashlib');
    const before = process.cwd();
    process.env['PYTHONPATH'] = planted.folder;
    process.chdir(planted.folder);
    try {
      await findToolchain();
      await downloadWheel(wheel, join(folder, 'cache'), silent);
    } finally {
      process.chdir(before);
    }
    expect(existsSync(planted.mark)).toBe(false);
  });

  it('keeps a wheel that is there, and fetches a damaged one again', async () => {
    const cache = join(folder, 'cache');
    const path = await downloadWheel(wheel, cache, silent);
    const whole = readFileSync(path);
    process.env['PIP_FIND_LINKS'] = join(folder, 'nowhere');
    expect(await downloadWheel(wheel, cache, silent)).toBe(path);
    process.env['PIP_FIND_LINKS'] = folder;
    writeFileSync(path, whole.subarray(0, 100));
    await downloadWheel(wheel, cache, silent);
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it('refuses a file with another hash than the lock names', async () => {
    const cache = join(folder, 'cache');
    const forged = { ...wheel, sha256: '0'.repeat(64) };
    await expect(downloadWheel(forged, cache, silent)).rejects.toThrow(
      /not the file the lock names[\s\S]*expected: sha256 0000/,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it('hands on what pip says when it fails', async () => {
    process.env['PIP_FIND_LINKS'] = join(folder, 'nowhere');
    await expect(downloadWheel(wheel, join(folder, 'cache'), silent)).rejects.toThrow(
      /likeness-probe[\s\S]*hint: check the network/,
    );
  });
});

describe('announcedBytes', () => {
  it('reads the size that pip announces', () => {
    expect(
      announcedBytes('  Downloading tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl (273.8 MB)'),
    ).toBeCloseTo(273.8e6);
    expect(announcedBytes('Collecting tensorflow-cpu==2.21.0')).toBeUndefined();
  });
});
