// Each run of a compiled step asks for its temporaries and gives them back; with glibc's allocator the kernel
// then hands out fresh zeroed pages every time, up to a third of a step. An allocator that keeps them cures it.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** In order of what they gain: tcmalloc keeps large blocks; jemalloc does not load into node. */
const ALLOCATORS = [
  /^libtcmalloc_minimal\.so(\.\d+)*$/,
  /^libtcmalloc\.so(\.\d+)*$/,
  /^libmimalloc\.so(\.\d+)*$/,
];

const LIBRARY_DIRS = [
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/lib',
];

/**
 * Path of an allocator library on this machine for `LD_PRELOAD` of the engine's process; undefined when there
 * is none or the platform does not preload (macOS).
 */
export function findAllocator(folders: readonly string[] = LIBRARY_DIRS): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const present = folders
    .filter((folder) => existsSync(folder))
    .map((folder) => ({ folder, names: readdirSync(folder) }));
  for (const pattern of ALLOCATORS) {
    for (const { folder, names } of present) {
      const name = names.sort().find((candidate) => pattern.test(candidate));
      if (name !== undefined) return join(folder, name);
    }
  }
  return undefined;
}
