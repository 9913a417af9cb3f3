// Adapters by whatever name a person has for them: a file, or a folder as PEFT and diffusers write them.
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { WeightsError } from '@likeness/core';
import type { AdaptableLayer } from '../layers.ts';
import { ADAPTER_FILES, PEFT_FILE } from './fileNames.ts';
import { readAdapters, type AdapterFile } from './readAdapters.ts';

/** Files of a folder that hold adapters by their name; PEFT's folder may hold one component's only. */
const PLACES = [...ADAPTER_FILES, PEFT_FILE];
const PICKLES = new Set(['.pt', '.pth', '.bin', '.ckpt']);

/**
 * Finds the files of adapters at a path.
 * @returns one file, or one for each component
 * @throws WeightsError when there are none, or a choice of several, or pickles only
 */
export async function adapterFilesAt(path: string): Promise<readonly string[]> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined)
    throw new WeightsError('nothing there', {
      code: 'file/missing',
      where: path,
      expected: 'a file or folder of adapters',
    });
  if (stats.isFile()) {
    if (PICKLES.has(extname(path).toLowerCase())) throw pickleError(path);
    return [path];
  }
  const names = await Promise.all(
    PLACES.map(async (name) =>
      (await stat(join(path, name)).catch(() => undefined)) ? [join(path, name)] : [],
    ),
  );
  if (names.flat().length > 0) return names.flat();
  const entries = await readdir(path);
  const files = entries.filter((name) => name.endsWith('.safetensors'));
  const [only] = files;
  if (only !== undefined && files.length === 1) return [join(path, only)];
  const pickle = entries.find((name) => PICKLES.has(extname(name).toLowerCase()));
  if (files.length === 0 && pickle !== undefined) throw pickleError(join(path, pickle));
  throw new WeightsError('no file of adapters that could be meant', {
    code: 'adapter/no-file',
    where: path,
    expected: `one .safetensors file, or ${PLACES.join(', ')}`,
    got: entries.slice(0, 6).join(', ') || 'an empty folder',
  });
}

/**
 * Reads adapters for a model from a file or folder.
 * @throws WeightsError as `readAdapters` and `adapterFilesAt`
 */
export async function openAdapters(path: string, layers: readonly AdaptableLayer[]): Promise<AdapterFile> {
  const files = await Promise.all((await adapterFilesAt(path)).map((file) => readAdapters(file, layers)));
  const layersOf = files.map(({ adapters }) => new Set(adapters.map(({ layer }) => layer)));
  const twice = layersOf.findIndex((own, i) =>
    layersOf.slice(0, i).some((before) => [...before].some((layer) => own.has(layer))),
  );
  if (twice >= 0) {
    throw new WeightsError('several files of adapters for the same layers', {
      code: 'adapter/several-files',
      where: path,
      got: files.map((file) => basename(file.path)).join(', '),
      hint: 'name one of the files, not the folder',
    });
  }
  return {
    path,
    metadata: Object.assign({}, ...files.map(({ metadata }) => metadata)) as Record<string, string>,
    adapters: files.flatMap(({ adapters }) => adapters),
    embeddings: files.flatMap(({ embeddings }) => embeddings),
  };
}

const pickleError = (path: string): WeightsError =>
  new WeightsError('a pickle: opening it would run whatever program it holds', {
    code: 'adapter/pickle',
    where: path,
    expected: 'a .safetensors file',
    hint: [
      'most files are published as .safetensors, too; else convert it once, where PyTorch is installed:',
      '  import torch; from safetensors.torch import save_file',
      `  loaded = torch.load(${JSON.stringify(path)}, map_location="cpu", weights_only=True)`,
      '  save_file({key: value.contiguous() for key, value in loaded.get("state_dict", loaded).items()},',
      `            ${JSON.stringify(path.replace(/\.\w+$/, '.safetensors'))})`,
    ].join('\n'),
  });
