// Everything that lies over a model while it draws: what a run exported, `--lora`, `--embedding`.
import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import {
  attachExports,
  attachInOrder,
  ConfigError,
  type Attached,
  type DiffusionModel,
} from '@likeness/core';
import { attachAdapters, attachEmbedding, attachVectors } from '../composition.ts';
import { parseAdapterArgument, type AdapterArgument } from '../run/adapterArguments.ts';
import { runFolderOf } from '../run/findRun.ts';
import type { Source } from './source.ts';

export interface Attachments {
  readonly exported: Source['exported'];
  readonly loras: readonly AdapterArgument[];
  readonly embeddings: readonly EmbeddingArgument[];
}

export interface EmbeddingArgument {
  readonly path: string;
  /** The word to use instead of the file's. */
  readonly word?: string;
}

/**
 * What flags say.
 * @param loras `FILE[:weight]`, or a folder: a run's, or one of PEFT's
 * @param embeddings `FILE[=word]`
 * @throws ConfigError for a file that is not there
 */
export async function attachmentsOf(
  exported: Source['exported'],
  loras: readonly string[],
  embeddings: readonly string[],
): Promise<Attachments> {
  const files = {
    loras: loras.map(parseAdapterArgument),
    embeddings: embeddings.map((text): EmbeddingArgument => {
      const [, path = text, word] = /^(.*?)=([^/\\=]+)$/.exec(text) ?? [];
      return { path, ...(word === undefined ? {} : { word }) };
    }),
  };
  const named = [
    ...files.loras.map(({ path }) => ({ flag: '--lora', path })),
    ...files.embeddings.map(({ path }) => ({ flag: '--embedding', path })),
  ];
  for (const { flag, path } of named) {
    if ((await stat(path).catch(() => undefined)) || (await runFolderOf(path))) continue;
    throw new ConfigError('nothing there', {
      code: 'file/missing',
      where: flag,
      expected: flag === '--lora' ? 'FILE or FILE:weight' : 'FILE or FILE=word',
      got: path,
    });
  }
  return { exported, ...files };
}

/**
 * Lays everything over the model, in order: the run's own, adapters, words.
 * @param strength times which adapters count
 */
export function attachAll(
  model: DiffusionModel,
  { exported, loras, embeddings }: Attachments,
  strength: number,
): Promise<Attached> {
  return attachInOrder([
    ...(exported ? [() => attachExports(model, exported.plugins, exported.folder, { strength })] : []),
    ...loras.map(
      ({ path, weight }, i) =>
        () =>
          attachLora(model, path, { weight: weight * strength, name: `${i} ${nameOf(path)}` }),
    ),
    ...embeddings.map(
      ({ path, word }) =>
        () =>
          attachEmbedding(model, path, word === undefined ? {} : { word }),
    ),
  ]);
}

/** Adapters of a file, folder or run, and the words that came along in the file. */
async function attachLora(
  model: DiffusionModel,
  path: string,
  options: { readonly weight: number; readonly name: string },
): Promise<Attached> {
  const run = await runFolderOf(path);
  const adapters = await attachAdapters(model, run === undefined ? path : join(run, 'export'), options);
  const words = adapters.file.embeddings;
  return attachInOrder([() => adapters, ...words.map((word) => () => attachVectors(model, word, path))]);
}

/** As tools call an adapter: its file without folder and ending. */
export const nameOf = (path: string): string => basename(path, extname(path));
