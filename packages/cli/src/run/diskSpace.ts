// Whether a run's files will fit where they go: asked before it starts, so that nobody learns it at the last checkpoint.
import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Warning } from '@likeness/core';
import { formatBytes } from '../terminal/format.ts';

/** Bytes that will be written below a folder, which need not exist yet. */
export interface DiskNeed {
  readonly folder: string;
  readonly bytes: number;
  /** `checkpoints and export` */
  readonly what: string;
}

/** How much is free, by device: two folders on one disk share it. */
export type FreeSpace = (
  folder: string,
) => Promise<{ readonly device: number; readonly freeBytes: number } | undefined>;

/** A warning for every disk that has less room than what will be written there. */
export async function diskWarnings(
  needs: readonly DiskNeed[],
  free: FreeSpace = freeSpace,
): Promise<Warning[]> {
  const disks = new Map<number, { freeBytes: number; needs: DiskNeed[] }>();
  for (const need of needs) {
    const found = need.bytes > 0 ? await free(need.folder) : undefined;
    if (found === undefined) continue;
    const disk = disks.get(found.device) ?? { freeBytes: found.freeBytes, needs: [] };
    disk.needs.push(need);
    disks.set(found.device, disk);
  }
  return [...disks.values()].flatMap(({ freeBytes, needs: here }) => {
    const bytes = here.reduce((sum, need) => sum + need.bytes, 0);
    if (bytes <= freeBytes) return [];
    const parts = here.map((need) => `${need.what} ${formatBytes(need.bytes)} (${need.folder})`).join(', ');
    const text = `the run may fill the disk: it needs about ${formatBytes(bytes)}, and ${formatBytes(freeBytes)} are free: ${parts}; make room, choose other places (--output-dir, --cache-dir), or keep fewer checkpoints (--checkpoints-total-limit)`;
    return [{ code: 'run/little-disk', text }];
  });
}

/** The nearest folder above a path that exists; the path itself when it does. */
export function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

async function freeSpace(folder: string): ReturnType<FreeSpace> {
  const existing = nearestExisting(resolve(folder));
  try {
    const { bavail, bsize } = await statfs(existing);
    return { device: (await stat(existing)).dev, freeBytes: bavail * bsize };
  } catch {
    return undefined; // nothing to say where the system does not say it
  }
}
