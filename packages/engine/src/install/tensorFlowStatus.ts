import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findAllocator } from './allocator.ts';
import { cacheDir } from './cacheDir.ts';
import { defaultVariant, installFolder, readInstall, type TensorFlowInstall } from './ensureTensorFlow.ts';
import { chooseWheels, TENSORFLOW_VERSION, type TensorFlowVariant } from './lock.ts';
import { hasNvidiaDriver, nvidiaDriverVersion } from './nvidia.ts';

export interface TensorFlowStatus {
  readonly cacheDir: string;
  /** The version the engine's lock names. */
  readonly wantedVersion: string;
  /** What `auto` takes on this machine. */
  readonly wantedVariant: TensorFlowVariant;
  /** The wanted installation; undefined until it is set up (or when a part of it is missing or damaged). */
  readonly install: TensorFlowInstall | undefined;
  /** Every folder in the cache, left-overs of other versions and of interrupted set-ups among them. */
  readonly folders: readonly { readonly path: string; readonly bytes: number; readonly inUse: boolean }[];
  /** `unknown` when a driver is there but does not tell its version; undefined without a driver. */
  readonly nvidiaDriver: string | undefined;
  /** An allocator library for `LD_PRELOAD`, see {@link findAllocator}. */
  readonly allocator: string | undefined;
}

/** What is in the cache, for `pipeline doctor`. Changes nothing and needs no network. */
export function tensorFlowStatus(cache: string = cacheDir()): TensorFlowStatus {
  const wantedVariant = defaultVariant();
  const wanted = readWanted(wantedVariant, cache);
  const root = join(cache, 'tensorflow');
  const names = existsSync(root) ? readdirSync(root).sort() : [];
  return {
    cacheDir: cache,
    wantedVersion: TENSORFLOW_VERSION,
    wantedVariant,
    install: wanted?.install,
    folders: names
      .map((name) => join(root, name))
      .filter((path) => statSync(path).isDirectory())
      .map((path) => ({ path, bytes: folderBytes(path), inUse: path === wanted?.folder })),
    nvidiaDriver: hasNvidiaDriver() ? (nvidiaDriverVersion() ?? 'unknown') : undefined,
    allocator: findAllocator(),
  };
}

/** Undefined on a machine there is no wheel for: a status tells, it does not throw. */
function readWanted(
  variant: TensorFlowVariant,
  cache: string,
): { folder: string; install: TensorFlowInstall | undefined } | undefined {
  try {
    const target = chooseWheels(variant);
    const folder = installFolder(target, cache);
    return { folder, install: readInstall(target, folder) };
  } catch {
    return undefined;
  }
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
