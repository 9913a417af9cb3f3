import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findAllocator } from './allocator.ts';
import { cacheDir } from './cacheDir.ts';

describe.runIf(process.platform === 'linux')('findAllocator', () => {
  it('prefers tcmalloc over mimalloc, and finds nothing where nothing is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'likeness-allocator-'));
    try {
      expect(findAllocator([folder, join(folder, 'nowhere')])).toBeUndefined();
      writeFileSync(join(folder, 'libmimalloc.so.2'), '');
      expect(findAllocator([folder])).toBe(join(folder, 'libmimalloc.so.2'));
      writeFileSync(join(folder, 'libtcmalloc_minimal.so.4'), '');
      writeFileSync(join(folder, 'libtcmalloc_minimal_debug.so.4'), '');
      expect(findAllocator([folder])).toBe(join(folder, 'libtcmalloc_minimal.so.4'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('cacheDir', () => {
  it('follows LIKENESS_CACHE, then the platform', () => {
    expect(cacheDir({ LIKENESS_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a');
    expect(cacheDir({ XDG_CACHE_HOME: '/b' }, 'linux')).toBe(join('/b', 'likeness'));
    expect(cacheDir({}, 'linux')).toMatch(/\.cache.likeness$/);
    expect(cacheDir({}, 'darwin')).toMatch(/Library.Caches.likeness$/);
  });
});
