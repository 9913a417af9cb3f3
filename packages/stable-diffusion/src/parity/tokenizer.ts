// The tokenizer against the reference's ids (tokenizer-cases.json). Integers: equal or wrong.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { loadTokenizer } from '../tokenizer/index.ts';
import { notCovered, type Comparison } from './comparison.ts';
import { findModelFolder, isFile } from './modelFolder.ts';

const ids = z.array(z.int());
const casesFile = z.object({
  pad_token_id: z.int(),
  cases: z.array(z.object({ text: z.string(), ids, padded: ids })),
});

/** Compares every case of `tokenizer-cases.json`, plain and padded, with the tokenizer of the folder's model. */
export async function* checkTokenizer(folder: string): AsyncIterable<Comparison> {
  const path = join(folder, 'tokenizer-cases.json');
  if (!(await isFile(path))) {
    yield notCovered('tokenizer', 'the folder has no tokenizer-cases.json');
    return;
  }
  const { pad_token_id: padTokenId, cases } = casesFile.parse(JSON.parse(await readFile(path, 'utf8')));
  const tokenizer = await loadTokenizer(join(await findModelFolder(folder), 'tokenizer'));
  yield compareIds('tokenizer/pad_token_id', [
    { text: 'padding', got: [tokenizer.padTokenId], want: [padTokenId] },
  ]);
  yield compareIds(
    `tokenizer/ids of ${cases.length} texts`,
    cases.map(({ text, ids: want }) => ({ text, got: tokenizer.encodeWithSpecials(text), want })),
  );
  yield compareIds(
    `tokenizer/padded ids of ${cases.length} texts`,
    cases.map(({ text, padded: want }) => ({
      text,
      got: [...tokenizer.encodePadded(text, want.length)],
      want,
    })),
  );
}

interface IdsCase {
  readonly text: string;
  readonly got: readonly number[];
  readonly want: readonly number[];
}

function compareIds(name: string, cases: readonly IdsCase[]): Comparison {
  const wrong = cases.filter(({ got, want }) => got.join() !== want.join());
  const ok = wrong.length === 0;
  const result = { name, maxAbs: ok ? 0 : NaN, maxRel: ok ? 0 : NaN, tolerance: 'exact', ok };
  const [first] = wrong;
  if (first === undefined) return result;
  const note = `${wrong.length} differ, first ${JSON.stringify(first.text)}: got ${first.got.join(' ')}, want ${first.want.join(' ')}`;
  return { ...result, note };
}
