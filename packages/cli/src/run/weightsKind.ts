// What somebody's weights are: a model, adapters of one, or a learned word. Told from names of files and keys.
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { readSafetensorsHeader, WeightsError } from '@likeness/core';
import { adapterFilesAt } from '@likeness/plugin-lora';
import { readEmbedding } from '@likeness/plugin-textual-inversion';
import { BUNDLED_MODEL } from '../composition.ts';

export type WeightsKind = 'model' | 'adapters' | 'embedding';

const LDM = /^(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner)\./;

/** @throws WeightsError for pickles, and for what is none of these */
export async function kindOf(path: string): Promise<WeightsKind> {
  if (path === BUNDLED_MODEL) return 'model';
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) {
    // A name with one slash may be a model on the Hub, whose name `openModel` checks.
    if (/^[\w.-]+\/[\w.-]+$/.test(path) && extname(path) === '') return 'model';
    throw new WeightsError('nothing there', {
      code: 'file/missing',
      where: path,
      expected: 'a file or folder',
    });
  }
  if (stats.isDirectory() && (await readdir(path)).includes('model_index.json')) return 'model';
  if (stats.isFile() && extname(path) === '.pt') await readEmbedding(path); // refused, with the way to convert it
  const [file = join(path)] = await adapterFilesAt(path);
  const { tensors } = await readSafetensorsHeader(file);
  const keys = [...tensors.keys()];
  if (keys.some((key) => LDM.test(key))) return 'model';
  if (tensors.has('clip_l') || (keys.length === 1 && (tensors.get(keys[0] ?? '')?.shape.length ?? 9) <= 2))
    return 'embedding';
  return 'adapters';
}
