// Ids are compared exactly: a token is right or wrong.

import { expect, test } from 'vitest';
import type { Comparison } from '../parity/comparison.ts';
import { checkTokenizer } from '../parity/tokenizer.ts';

const FIXTURES = new URL('../../../../fixtures/', import.meta.url).pathname;

test('all texts of the fixtures, plain and padded', async () => {
  const comparisons: Comparison[] = [];
  for await (const comparison of checkTokenizer(FIXTURES)) comparisons.push(comparison);
  expect(comparisons.map(({ name }) => name)).toEqual([
    'tokenizer/pad_token_id',
    'tokenizer/ids of 130 texts',
    'tokenizer/padded ids of 130 texts',
  ]);
  for (const comparison of comparisons) expect(comparison).toMatchObject({ ok: true, maxAbs: 0 });
});
