import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from './command.ts';
import { plantModules } from '../testing/plantModules.ts';
import { unpackWheel } from './unpack.ts';

const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name in sys.argv[2:]:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o755 if name.endswith('ptxas') else 0o644) << 16
        wheel.writestr(entry, name)
`;

describe('unpackWheel', () => {
  let folder: string;
  let wheel: string;
  const unpack = () => unpackWheel(wheel, join(folder, 'out'), 'unpacking', () => undefined);
  const makeWheel = (...names: string[]) => runCommand('python3', ['-c', MAKE_WHEEL, wheel, ...names]);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-unpack-'));
    wheel = join(folder, 'a.whl');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('takes libraries, C headers and CUDA’s tools, and nothing else', async () => {
    const wanted = [
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/libtensorflow_framework.2.dylib',
      'tensorflow/include/tensorflow/c/eager/c_api.h',
      'nvidia/cudnn/lib/libcudnn.so.9',
      'nvidia/cuda_nvcc/bin/ptxas',
      'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
    ];
    const unwanted = [
      'tensorflow/python/_x.so',
      'tensorflow/include/unsupported/Eigen/a.h',
      'nvidia/__init__.py',
    ];
    await makeWheel(...wanted, ...unwanted);
    await unpack();
    for (const name of wanted) expect(readFileSync(join(folder, 'out', name), 'utf8')).toBe(name);
    for (const name of unwanted) expect(existsSync(join(folder, 'out', name))).toBe(false);
    expect(statSync(join(folder, 'out', 'nvidia/cuda_nvcc/bin/ptxas')).mode & 0o111).not.toBe(0);
  });

  it.each([
    'tensorflow/include/tensorflow/c/../../../../../outside.h',
    'nvidia/cuda_nvcc/bin/../../../../outside.h',
    'nvidia/cuda_nvcc/bin//outside.h',
    'nvidia/../lib/outside.so',
  ])('writes nothing when an entry is called %s', async (name) => {
    await makeWheel('nvidia/cuda_nvcc/bin/ptxas', name);
    await expect(unpack()).rejects.toMatchObject({ code: 'engine/unpack' });
    expect(readdirSync(folder)).toEqual(['a.whl']);
  });

  it('takes no absolute path, and makes no links', async () => {
    await makeWheel('nvidia/cuda_nvcc/bin/ptxas', `${folder}/outside.h`);
    const link = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'a') as wheel:
    entry = zipfile.ZipInfo('nvidia/cuda_nvcc/bin/link')
    entry.external_attr = 0o120777 << 16
    wheel.writestr(entry, '../../../../outside')
`;
    await runCommand('python3', ['-c', link, wheel]);
    await unpack();
    expect(readdirSync(folder).toSorted()).toEqual(['a.whl', 'out']);
    expect(lstatSync(join(folder, 'out/nvidia/cuda_nvcc/bin/link')).isSymbolicLink()).toBe(false);
  });

  it('runs no zipfile.py of the working folder, nor of PYTHONPATH', async () => {
    await makeWheel('nvidia/cuda_nvcc/bin/ptxas');
    const planted = plantModules(folder, 'zipfile', 're', 'shutil');
    const before = process.cwd();
    process.chdir(planted.folder);
    // Where Python itself has imported zipfile before it looks here, only this one would be found.
    vi.stubEnv('PYTHONPATH', planted.folder);
    try {
      await unpack();
    } finally {
      vi.unstubAllEnvs();
      process.chdir(before);
    }
    expect(existsSync(planted.mark)).toBe(false);
  });

  it('refuses a wheel without them, and a damaged one', async () => {
    await makeWheel('tensorflow/__init__.py');
    await expect(unpack()).rejects.toThrow(/none of the files that are needed/);
    rmSync(wheel);
    await expect(unpack()).rejects.toThrow(/could not be unpacked[\s\S]*No such file/);
  });
});
