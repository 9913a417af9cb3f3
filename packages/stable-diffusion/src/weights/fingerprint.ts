// What cached latents and class pictures are keyed by: the content of a model, wherever it lies.

import { createHash, type Hash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheDir, readTensorRaw } from '@likeness/engine';
import { componentsOf, type ComponentFiles, type ModelFiles } from './modelFiles.ts';

type HashedComponent = Pick<ComponentFiles, 'config' | 'tensors'> & { readonly name: string };

/**
 * sha256 over every tensor (key, dtype, shape, bytes) and every config that shapes what the model computes. The same
 * weights give the same fingerprint in shards, in one file or in an LDM file with the same configs. Hashing reads everything once;
 * the answer is remembered by the files' paths, sizes and times.
 * @param folder where to remember it, by default in the per-user cache
 */
export async function modelFingerprint(
  model: ModelFiles,
  folder = join(cacheDir(), 'fingerprints'),
): Promise<string> {
  const memo = join(folder, `${await identityOf(model)}.txt`);
  const known = await readFile(memo, 'utf8').catch(() => '');
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const fingerprint = await hashModel(model);
  await remember(folder, memo, fingerprint);
  return fingerprint;
}

async function hashModel(model: ModelFiles): Promise<string> {
  const hash = createHash('sha256');
  updateJson(hash, withoutNotes(model.scheduler));
  await updateComponents(hash, componentsOf(model));
  return hash.digest('hex');
}

/** sha256 over some components alone, weights and configs. */
export async function componentFingerprint(components: readonly HashedComponent[]): Promise<string> {
  const hash = createHash('sha256');
  await updateComponents(hash, components);
  return hash.digest('hex');
}

async function updateComponents(hash: Hash, components: readonly HashedComponent[]): Promise<void> {
  for (const { name, config, tensors } of components) {
    updateJson(hash, [name, withoutNotes(config)]);
    for (const entry of [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      updateJson(hash, [entry.name, entry.dtype, entry.shape]);
      hash.update(await readTensorRaw(entry));
    }
  }
}

/** Changes whenever a file does, without reading it. */
async function identityOf(model: ModelFiles): Promise<string> {
  const hash = createHash('sha256');
  updateJson(hash, [model.scheduler, ...componentsOf(model).map(({ config }) => config)]);
  const files = new Set(
    componentsOf(model).flatMap(({ tensors }) => [...tensors.values()].map(({ file }) => file)),
  );
  for (const file of [...files].sort()) {
    const { size, mtimeMs } = await stat(file);
    updateJson(hash, [resolve(file), size, mtimeMs]);
  }
  return hash.digest('hex');
}

/** A cache that cannot be written costs time, not the run. */
async function remember(folder: string, path: string, fingerprint: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, fingerprint);
    await rename(temporary, path);
  } catch {
    return;
  }
}

function updateJson(hash: Hash, value: unknown): void {
  hash.update(JSON.stringify(value, sortedKeys));
  hash.update('\n');
}

/** Fields with an underscore (class name, version, path of the maker) do not change what is computed. */
function withoutNotes(config: unknown): unknown {
  if (typeof config !== 'object' || config === null) return config;
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => !key.startsWith('_') || key === '_class_name'),
  );
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
