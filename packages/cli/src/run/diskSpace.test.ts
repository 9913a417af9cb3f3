import { describe, expect, it } from 'vitest';
import { diskWarnings, type DiskNeed, type FreeSpace } from './diskSpace.ts';

const GB = 1e9;
const run: DiskNeed = { folder: 'runs', bytes: 5 * GB, what: 'checkpoints and export' };
const cache: DiskNeed = { folder: 'cache', bytes: 2 * GB, what: 'class pictures' };
const disks =
  (free: Readonly<Record<string, readonly [device: number, bytes: number]>>): FreeSpace =>
  async (folder) => {
    const [device, freeBytes] = free[folder] ?? [0, 0];
    return { device, freeBytes };
  };

describe('room on the disk', () => {
  it('is enough, or told with what needs it', async () => {
    expect(await diskWarnings([run], disks({ runs: [1, 5 * GB] }))).toEqual([]);
    const [warning] = await diskWarnings([run], disks({ runs: [1, 4 * GB] }));
    expect(warning?.code).toBe('run/little-disk');
    expect(warning?.text).toMatch(/needs about 5\.0 GB, and 4\.0 GB are free: checkpoints and export/);
  });

  it('is shared by folders on one disk, and not by others', async () => {
    const one = disks({ runs: [1, 6 * GB], cache: [1, 6 * GB] });
    expect(await diskWarnings([run, cache], one)).toHaveLength(1);
    const two = disks({ runs: [1, 6 * GB], cache: [2, 6 * GB] });
    expect(await diskWarnings([run, cache], two)).toEqual([]);
  });

  it('is not asked for what writes nothing, nor where the system does not say', async () => {
    expect(await diskWarnings([{ ...run, bytes: 0 }], disks({}))).toEqual([]);
    expect(await diskWarnings([run], async () => undefined)).toEqual([]);
  });

  it('of this machine is known, also for a folder that is not there yet', async () => {
    expect(await diskWarnings([{ ...run, folder: 'not/there/yet', bytes: 1 }])).toEqual([]);
    expect(await diskWarnings([{ ...run, folder: 'not/there/yet', bytes: 1e18 }])).toHaveLength(1);
  });
});
