// The installer: wheel → cache → binding. Every step leaves either nothing or its whole result, so an
// interrupted set-up goes on where it stopped and a finished one costs a few file look-ups.
//
//   <cache>/tensorflow/<version>-<platform>-<arch>-<variant>/   lib/, include/, nvidia/ (CUDA), library.json
//   <cache>/tensorflow/…/binding-<platform>-…/                  likeness_binding.node, binding.json (last)

import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withLock } from '../files/processLock.ts';
import { cacheDir } from './cacheDir.ts';
import { bindingKey, bindingVersion, compileBinding } from './compileBinding.ts';
import { downloadWheel } from './download.ts';
import { chooseWheels, type TensorFlowVariant, type WheelTarget } from './lock.ts';
import { hasNvidiaDriver } from './nvidia.ts';
import type { OnInstallProgress } from './progress.ts';
import { findToolchain } from './tools.ts';
import { unpackWheel } from './unpack.ts';

export interface TensorFlowInstall {
  /** The engine's native module, ready for `require` in the engine process. */
  readonly bindingPath: string;
  /** TensorFlow's version, e.g. `2.21.0`. */
  readonly version: string;
  readonly variant: TensorFlowVariant;
  /** Folder of libtensorflow_cc and libtensorflow_framework. */
  readonly libraryDir: string;
  /** For `LD_LIBRARY_PATH` of the process that loads the binding: `libraryDir`, then NVIDIA's folders. */
  readonly libraryPaths: readonly string[];
  /** CUDA only: the folder with ptxas and libdevice, for `--xla_gpu_cuda_data_dir`. */
  readonly cudaDataDir?: string;
}

export interface EnsureTensorFlowOptions {
  readonly onProgress?: OnInstallProgress;
  /** `auto` (default) takes CUDA where an NVIDIA driver and a CUDA wheel are found. */
  readonly variant?: 'auto' | TensorFlowVariant;
  /** Default: {@link cacheDir}. */
  readonly cache?: string;
}

/**
 * Makes sure that TensorFlow and its binding are in the per-user cache, and says where.
 *
 * Downloads 274 MB the first time (CUDA: about 4 GB) and compiles for about 15 s; then returns at once. Safe to call from several
 * processes: one works, the others wait.
 *
 * @throws EngineError naming the tool, download or compiler step that failed and what cures it.
 */
export async function ensureTensorFlow({
  onProgress = () => undefined,
  variant = 'auto',
  cache = cacheDir(),
}: EnsureTensorFlowOptions = {}): Promise<TensorFlowInstall> {
  const target = chooseWheels(variant === 'auto' ? defaultVariant() : variant);
  const folder = installFolder(target, cache);
  const ready = readInstall(target, folder);
  if (ready) return ready;
  return withLock(
    `${folder}.lock`,
    async () => readInstall(target, folder) ?? (await install(target, folder, onProgress)),
    ({ pid, host }) => {
      onProgress({
        step: 'wait',
        message: `TensorFlow: process ${pid} on ${host} is setting it up, waiting`,
      });
    },
  );
}

/** CUDA where it can be used: an NVIDIA driver on a platform that TensorFlow publishes CUDA wheels for. */
export function defaultVariant(): TensorFlowVariant {
  return process.platform === 'linux' && process.arch === 'x64' && hasNvidiaDriver() ? 'cuda' : 'cpu';
}

export function installFolder({ id, version }: WheelTarget, cache: string): string {
  return join(cache, 'tensorflow', `${version}-${id}`);
}

async function install(
  target: WheelTarget,
  folder: string,
  onProgress: OnInstallProgress,
): Promise<TensorFlowInstall> {
  const { compiler } = await findToolchain(); // before the long download, not after it
  if (!isWhole(folder, 'library.json')) await installLibrary(target, folder, onProgress);

  const bindingDir = join(folder, bindingKey());
  const bindingPath = join(bindingDir, 'likeness_binding.node');
  rmSync(bindingDir, { recursive: true, force: true });
  mkdirSync(bindingDir, { recursive: true });
  onProgress({ step: 'compile', message: `TensorFlow: compiling the binding with ${compiler}` });
  const paths = libraryPaths(folder);
  await compileBinding(compiler, {
    includeDir: join(folder, 'include'),
    libraryDir: join(folder, 'lib'),
    bindingPath,
  });
  onProgress({ step: 'check', message: 'TensorFlow: loading the binding' });
  const version = await bindingVersion(bindingPath, paths);
  writeStamp(bindingDir, 'binding.json', { version });
  return describe(target, folder, bindingPath);
}

/** Downloads and unpacks into a folder beside, which then takes the place of whatever was left half-done. */
async function installLibrary(
  target: WheelTarget,
  folder: string,
  onProgress: OnInstallProgress,
): Promise<void> {
  // A folder of our own: a killed set-up's python may still be writing into its one.
  const draft = `${folder}.partial-${String(process.pid)}`;
  const downloads = `${folder}.download`;
  removeDrafts(folder);
  removePartialDownloads(downloads);
  const unpacked = join(draft, 'unpacked');
  mkdirSync(unpacked, { recursive: true });
  // All wheels first: when the network fails midway, those that came are kept for the next try.
  const wheels: string[] = [];
  for (const wheel of target.wheels) wheels.push(await downloadWheel(wheel, downloads, onProgress));
  for (const [index, wheel] of wheels.entries()) {
    const name = target.wheels[index]?.name ?? '';
    await unpackWheel(wheel, unpacked, `TensorFlow: unpacking ${name}`, onProgress);
  }
  const tensorflow = join(unpacked, 'tensorflow');
  const lib = join(draft, 'lib');
  mkdirSync(lib);
  for (const name of readdirSync(tensorflow).filter((entry) => entry.startsWith('libtensorflow'))) {
    renameSync(join(tensorflow, name), join(lib, name));
  }
  renameSync(join(tensorflow, 'include'), join(draft, 'include'));
  if (existsSync(join(unpacked, 'nvidia'))) renameSync(join(unpacked, 'nvidia'), join(draft, 'nvidia'));
  rmSync(unpacked, { recursive: true });
  writeStamp(draft, 'library.json', { version: target.version, wheels: target.wheels });
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  rmSync(downloads, { recursive: true, force: true });
}

/** What a killed unpacking left. */
function removeDrafts(folder: string): void {
  const root = dirname(folder);
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(`${basename(folder)}.partial-`))) {
    rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** What a killed download left; whole wheels stay. */
function removePartialDownloads(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith('partial-'))) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The finished installation in `folder`, or undefined when any part of it is missing. */
export function readInstall(target: WheelTarget, folder: string): TensorFlowInstall | undefined {
  const bindingDir = join(folder, bindingKey());
  if (!isWhole(folder, 'library.json') || !isWhole(bindingDir, 'binding.json')) return undefined;
  return describe(target, folder, join(bindingDir, 'likeness_binding.node'));
}

function describe(target: WheelTarget, folder: string, bindingPath: string): TensorFlowInstall {
  const cudaDataDir = join(folder, 'nvidia', 'cuda_nvcc');
  return {
    bindingPath,
    version: target.version,
    variant: target.variant,
    libraryDir: join(folder, 'lib'),
    libraryPaths: libraryPaths(folder),
    ...(existsSync(cudaDataDir) ? { cudaDataDir } : {}),
  };
}

function libraryPaths(folder: string): string[] {
  const nvidia = join(folder, 'nvidia');
  const nvidiaDirs = existsSync(nvidia) ? readdirSync(nvidia).sort() : [];
  return [join(folder, 'lib'), ...nvidiaDirs.map((name) => join(nvidia, name, 'lib')).filter(existsSync)];
}

/** A stamp lists the folder's files with their sizes, so that a truncated or deleted one is noticed. */
function writeStamp(folder: string, name: string, facts: object): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: path.slice(folder.length + 1), bytes: statSync(path).size };
    });
  const draft = join(folder, `${name}.${String(process.pid)}`);
  writeFileSync(draft, JSON.stringify({ ...facts, files }, null, 2));
  renameSync(draft, join(folder, name));
}

function isWhole(folder: string, stampName: string): boolean {
  const stampPath = join(folder, stampName);
  if (!existsSync(stampPath)) return false;
  const { files } = JSON.parse(readFileSync(stampPath, 'utf8')) as {
    files: { path: string; bytes: number }[];
  };
  return files.every(
    ({ path, bytes }) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes,
  );
}
