// LPIPS from safetensors files: a trunk as torchvision names it (`features.3.weight`) or as lpips does
// (`net.slice2.3.weight`, the same number), and the trained lin layers, in one file or several of a folder.
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensorRaw, WeightsError, type TensorEntry } from '@likeness/core';
import { linKey } from './lpips.ts';
import { numTaps, TRUNKS, type TrunkName } from './trunks.ts';

export interface LpipsFiles {
  readonly trunk: TrunkName;
  /** By torchvision's and lpips' names: `features.3.weight`, `lin0.model.1.weight`. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** sha256 over trunk, names, shapes and bytes. */
  readonly fingerprint: string;
}

/**
 * Reads the headers of a `.safetensors` file, or of all in a folder.
 * @param trunk where the files hold lin layers of several (`alex.lin0…`); default: what the convolutions look like
 * @throws WeightsError naming everything that is missing
 */
export async function readLpipsFiles(path: string, trunk?: TrunkName): Promise<LpipsFiles> {
  const all = new Map<string, TensorEntry>();
  for (const file of await safetensorsIn(path)) {
    for (const [key, entry] of (await readSafetensorsHeader(file)).tensors) all.set(plainKey(key), entry);
  }
  const found = trunk ?? trunkOf(all, path);
  const tensors = new Map<string, TensorEntry>();
  for (const [key, entry] of all) if (key.startsWith('features.')) tensors.set(key, entry);
  const missing: string[] = [];
  for (let tap = 0; tap < numTaps(found); tap++) {
    const entry = all.get(linKey(tap)) ?? all.get(`${found}.${linKey(tap)}`);
    if (entry === undefined) missing.push(linKey(tap));
    else tensors.set(linKey(tap), entry);
  }
  if (missing.length > 0) {
    throw new WeightsError('lin layers are missing', {
      code: 'evaluation/no-lpips-weights',
      where: path,
      details: missing,
      hint: 'put the lin layers of the lpips package beside the trunk, as safetensors',
    });
  }
  return { trunk: found, tensors, fingerprint: await hashOf(found, tensors) };
}

async function safetensorsIn(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [path];
  const names = found ? (await readdir(path)).filter((name) => name.endsWith('.safetensors')).sort() : [];
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new WeightsError('no weights of LPIPS here', {
    code: 'evaluation/no-lpips-weights',
    where: path,
    expected: 'a .safetensors file, or a folder with some: trunk as in torchvision, lin layers as in lpips',
    got: found ? 'none' : 'nothing at this path',
    hint: 'save the state dict of lpips.LPIPS(net="alex") with safetensors',
  });
}

/** lpips wraps the trunk into slices and lists the lin layers twice. */
function plainKey(key: string): string {
  return key.replace(/^net\.slice\d+\./, 'features.').replace(/^lins\.(\d+)\./, 'lin$1.');
}

function trunkOf(tensors: ReadonlyMap<string, TensorEntry>, where: string): TrunkName {
  if (tensors.has('features.3.squeeze.weight')) return 'squeeze';
  if (tensors.get('features.0.weight')?.shape[2] === 11) return 'alex';
  if (tensors.has('features.28.weight')) return 'vgg';
  throw new WeightsError('not the trunk of an LPIPS', {
    where,
    expected: `features.* of one of ${TRUNKS.join(', ')}, as torchvision names them`,
    got: [...tensors.keys()].slice(0, 4).join(', ') || 'no tensors',
  });
}

async function hashOf(trunk: TrunkName, tensors: ReadonlyMap<string, TensorEntry>): Promise<string> {
  const hash = createHash('sha256').update(`lpips ${trunk}\n`);
  for (const key of [...tensors.keys()].sort()) {
    const entry = tensors.get(key);
    if (entry === undefined) continue;
    hash.update(JSON.stringify([key, entry.dtype, entry.shape])).update(await readTensorRaw(entry));
  }
  return hash.digest('hex');
}
