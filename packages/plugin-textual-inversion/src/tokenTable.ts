// Where a text encoder keeps the vectors of its tokens.
import { WeightsError, type DiffusionModel, type TensorEntry } from '@likeness/core';

export interface TokenTable {
  /** Path of the embedding layer. */
  readonly path: string;
  readonly rows: number;
  /** Numbers in a vector. */
  readonly width: number;
  readonly entry: TensorEntry;
}

/** @throws WeightsError when the text encoder has no token table, or several */
export function tokenTable({ source, textEncoder: { parameters, tensors } }: DiffusionModel): TokenTable {
  const paths = [...parameters.layerPaths()].filter(([, kind]) => kind === 'embedding').map(([path]) => path);
  const [path = ''] = paths;
  const key = `${path}.weight`;
  const [rows = 0, width = 0] = parameters.entries().get(key)?.shape ?? [];
  const entry = tensors.get(key);
  if (paths.length !== 1 || entry === undefined) {
    throw new WeightsError('a new word needs a text encoder with one table of token vectors', {
      code: 'embedding/no-token-table',
      where: source,
      expected: 'one embedding layer',
      got: paths.join(', ') || 'none',
    });
  }
  return { path, rows, width, entry };
}
