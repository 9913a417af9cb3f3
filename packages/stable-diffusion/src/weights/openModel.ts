// A model by whatever name a person has for it: a diffusers folder, a single file, a Hub id.

import { stat } from 'node:fs/promises';
import { WeightsError } from '@likeness/engine';
import { openDiffusersFolder } from './diffusersFolder.ts';
import { downloadHubModel, isHubId, type HubOptions } from './hub.ts';
import { openLdmFile, type LdmFileOptions } from './ldmFile.ts';
import type { ModelFiles } from './modelFiles.ts';

export interface OpenModelOptions extends HubOptions, LdmFileOptions {}

/**
 * Finds a model's files and checks everything about them that can be checked without reading the weights.
 * @param source a diffusers folder, a .safetensors file of Stable Diffusion 1.x or 2.x, or a Hub id `owner/name`;
 *   what exists on disk wins over the Hub
 * @throws WeightsError when it is none of these, incomplete, damaged, pickled or of another architecture
 */
export async function openModel(source: string, options: OpenModelOptions = {}): Promise<ModelFiles> {
  const stats = await stat(source).catch(() => undefined);
  if (stats?.isDirectory()) return openDiffusersFolder(source, options);
  if (stats !== undefined) {
    if (/\.safetensors$/i.test(source)) return openLdmFile(source, options);
    throw /\.(ckpt|bin|pt|pth|pkl)$/i.test(source)
      ? pickled(source)
      : unknownSource(source, 'a file of another kind');
  }
  if (!isHubId(source)) throw unknownSource(source, 'no such file or folder');
  const folder = await downloadHubModel(source, options);
  return openDiffusersFolder(folder, { ...options, source });
}

function pickled(source: string): WeightsError {
  return new WeightsError('pickled weights are not opened: they can run code of whoever made the file', {
    code: 'model/pickled',
    where: source,
    expected: 'a .safetensors file',
    hint: 'Most models are published as .safetensors, too; else convert it where that risk is acceptable, e.g. with diffusers: from_single_file(path), then save_pretrained(folder).',
  });
}

function unknownSource(source: string, got: string): WeightsError {
  return new WeightsError('this is not a model', {
    code: 'model/not-a-model',
    where: source,
    expected: 'a diffusers folder, a .safetensors file or a Hub id such as owner/name',
    got,
    hint: 'Check the path.',
  });
}
