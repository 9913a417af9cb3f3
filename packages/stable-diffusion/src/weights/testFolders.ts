// Model folders to test with, and helpers around them.
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensorRaw, type TensorEntry } from '@likeness/engine';
import { afterAll } from 'vitest';

export const TINY = new URL('../../../../fixtures/tiny-sd1', import.meta.url).pathname;
export const DOODLE = new URL('../../../doodle/model', import.meta.url).pathname;

/** A folder of the test file's own; it goes with the tests. */
export const folder = await mkdtemp(join(tmpdir(), 'likeness-weights-'));
afterAll(() => rm(folder, { recursive: true }));

/** A file's tensors as sources of another file. */
export async function sourcesOf(
  path: string,
  rename: (name: string) => string = (name) => name,
): Promise<(TensorEntry & { data: () => Promise<Buffer> })[]> {
  const { tensors } = await readSafetensorsHeader(path);
  return [...tensors.values()].map((entry) => ({
    ...entry,
    name: rename(entry.name),
    data: () => readTensorRaw(entry),
  }));
}

export async function copyOfTiny(name: string): Promise<string> {
  const copy = join(folder, name);
  await cp(TINY, copy, { recursive: true });
  return copy;
}

/** sha256 of every file, by path. */
export async function hashes(root: string): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const path of (await readdir(root, { recursive: true })).sort()) {
    if (!(await stat(join(root, path))).isFile()) continue;
    result[path] = createHash('sha256')
      .update(await readFile(join(root, path)))
      .digest('hex');
  }
  return result;
}
