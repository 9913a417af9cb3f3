// What cached latents and class pictures are keyed by: the content of a model, wherever it lies.

import { createHash, type Hash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheDir, readTensorRaw, type TensorEntry } from '@likeness/engine';
import { componentsOf, type ComponentFiles, type ModelFiles } from './modelFiles.ts';

type HashedComponent = Pick<ComponentFiles, 'config' | 'tensors'> & { readonly name: string };

/**
 * sha256 over every tensor (key, dtype, shape, bytes) and every config that shapes what the model computes. The same
 * weights give the same fingerprint in shards, in one file or in an LDM file with the same configs.
 * @param folder where to remember it, by default in the per-user cache
 */
export async function modelFingerprint(model: ModelFiles, folder?: string): Promise<string> {
  return (await readContent(model, folder)).fingerprint;
}

/** What reading all weights once tells. */
export interface ModelContent {
  readonly fingerprint: string;
  /** Tensors that hold NaN or infinity, `component: key`; the first of them. */
  readonly notFinite: readonly string[];
}

/** How many such tensors are told. */
const SHOWN = 5;

/**
 * Reads every weight once; the answer is remembered by the files' paths, sizes, times and inodes. A time of change
 * (ctime) cannot be set, so that a file put in another's place with its size and date (`cp -p`) is read again.
 */
export async function readContent(
  model: ModelFiles,
  folder = join(cacheDir(), 'fingerprints'),
): Promise<ModelContent> {
  const memo = join(folder, `${await identityOf(model)}.txt`);
  const [fingerprint = '', ...notFinite] = (await readFile(memo, 'utf8').catch(() => '')).split('\n');
  if (/^[0-9a-f]{64}$/.test(fingerprint)) return { fingerprint, notFinite };
  const content = await hashModel(model);
  await remember(folder, memo, [content.fingerprint, ...content.notFinite].join('\n'));
  return content;
}

async function hashModel(model: ModelFiles): Promise<ModelContent> {
  const hash = createHash('sha256');
  const notFinite: string[] = [];
  updateJson(hash, withoutNotes(model.scheduler));
  await updateComponents(hash, componentsOf(model), (component, entry, bytes) => {
    if (notFinite.length < SHOWN && holdsNotFinite(entry.dtype, bytes))
      notFinite.push(`${component}: ${entry.name.replaceAll('\n', ' ')}`);
  });
  return { fingerprint: hash.digest('hex'), notFinite };
}

/** Whether a number is NaN or infinite: all bits of its exponent are set. */
function holdsNotFinite(dtype: string, { buffer, byteOffset, byteLength }: Buffer): boolean {
  if (dtype === 'F32') return someBits(new Uint32Array(buffer, byteOffset, byteLength / 4), 0x7f800000);
  if (dtype === 'F16') return someBits(new Uint16Array(buffer, byteOffset, byteLength / 2), 0x7c00);
  return dtype === 'BF16' && someBits(new Uint16Array(buffer, byteOffset, byteLength / 2), 0x7f80);
}

function someBits(numbers: Uint16Array | Uint32Array, exponent: number): boolean {
  for (let i = 0; i < numbers.length; i++) if (((numbers[i] ?? 0) & exponent) === exponent) return true;
  return false;
}

/** sha256 over some components alone, weights and configs. */
export async function componentFingerprint(components: readonly HashedComponent[]): Promise<string> {
  const hash = createHash('sha256');
  await updateComponents(hash, components);
  return hash.digest('hex');
}

async function updateComponents(
  hash: Hash,
  components: readonly HashedComponent[],
  look?: (component: string, entry: TensorEntry, bytes: Buffer) => void,
): Promise<void> {
  for (const { name, config, tensors } of components) {
    updateJson(hash, [name, withoutDtypeOfOurs(withoutNotes(config), tensors)]);
    for (const entry of [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      updateJson(hash, [entry.name, entry.dtype, entry.shape]);
      const bytes = await readTensorRaw(entry);
      hash.update(bytes);
      look?.(name, entry, bytes);
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
    const { size, mtimeMs, ctimeMs, ino } = await stat(file);
    updateJson(hash, [resolve(file), size, mtimeMs, ctimeMs, ino]);
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

/**
 * Half-precision folders that we write say `dtype: float32`, so that diffusers draws with them as they are
 * (diffusersPlan.ts). It changes nothing that is computed here: they stay the model they were written from.
 */
function withoutDtypeOfOurs(config: unknown, tensors: HashedComponent['tensors']): unknown {
  if (typeof config !== 'object' || config === null || !('dtype' in config)) return config;
  const isHalf = [...tensors.values()].some(({ dtype }) => dtype === 'F16' || dtype === 'BF16');
  if (config.dtype !== 'float32' || !isHalf) return config;
  const { dtype: _dtype, ...rest } = config;
  return rest;
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
