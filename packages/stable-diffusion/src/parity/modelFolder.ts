// Finds the model of a fixtures folder: its name is the generator's to choose (tiny-sd1, ...).

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeightsError } from '@likeness/engine';

/**
 * The folder inside `fixtures` that holds a diffusers model.
 * @throws WeightsError when there is none, or more than one
 */
export async function findModelFolder(fixtures: string): Promise<string> {
  const names = (await readdir(fixtures)).sort();
  const folders: string[] = [];
  for (const name of names) {
    if (await isFile(join(fixtures, name, 'model_index.json'))) folders.push(join(fixtures, name));
  }
  const [folder] = folders;
  if (folder !== undefined && folders.length === 1) return folder;
  throw new WeightsError('expected one diffusers model beside the reference numbers', {
    code: 'model/not-one-model',
    where: fixtures,
    expected: 'one folder with a model_index.json',
    got: folders.length === 0 ? `none among ${names.join(', ')}` : folders.join(', '),
  });
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
