import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../testing/index.ts';
import { openRecordFile, writeRecordFile } from './recordFile.ts';

const path = join(temporaryFolder(), 'records');

it('gives records back in the order asked for, however they were written', async () => {
  const written = await writeRecordFile(
    path,
    3,
    (async function* () {
      yield Uint8Array.of(0, 1, 2);
      yield Uint8Array.of(3, 4, 5, 6, 7, 8);
    })(),
  );
  expect(written).toBe(3);
  const file = await openRecordFile(path, 3);
  expect(file.count).toBe(3);
  expect([...(await file.read([2, 0, 2]))]).toEqual([6, 7, 8, 0, 1, 2, 6, 7, 8]);
  await expect(file.read([3])).rejects.toThrow('record 3 of 3');
  await file.close();
});

it('refuses what holds no whole records', async () => {
  await writeFile(path, Uint8Array.of(1, 2, 3, 4));
  await expect(openRecordFile(path, 3)).rejects.toThrow('multiple of 3 bytes');
});
