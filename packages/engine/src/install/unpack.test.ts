import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';
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

  it('refuses a wheel without them, and a damaged one', async () => {
    await makeWheel('tensorflow/__init__.py');
    await expect(unpack()).rejects.toThrow(/none of the files that are needed/);
    rmSync(wheel);
    await expect(unpack()).rejects.toThrow(/could not be unpacked[\s\S]*No such file/);
  });
});
