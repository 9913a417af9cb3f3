import { describe, expect, it } from 'vitest';

import { compareArrays, notCovered } from './comparison.ts';

const bounds = { atol: 0.1, rtol: 0.01 };

describe('compareArrays', () => {
  it('allows atol + rtol * |want| for each element', () => {
    expect(compareArrays('x', [101, 0.09], [100, 0], bounds)).toMatchObject({
      ok: true,
      maxAbs: 1,
      maxRel: 0.01,
    });
    expect(compareArrays('x', [101.2, 0], [100, 0], bounds).ok).toBe(false);
    expect(compareArrays('x', [100, 0.2], [100, 0], bounds).ok).toBe(false);
  });

  it('fails on missing values and on NaN, wherever it stands', () => {
    expect(compareArrays('x', [1], [1, 2], bounds)).toMatchObject({ ok: false, maxAbs: NaN });
    for (const got of [
      [NaN, 1, 2],
      [1, NaN, 5],
    ]) {
      expect(compareArrays('x', got, [1, 1, 2], bounds)).toMatchObject({ ok: false, maxAbs: NaN });
    }
    expect(compareArrays('x', [1], [NaN], bounds).ok).toBe(false);
  });

  it('takes equal infinities and NaNs as equal', () => {
    expect(compareArrays('x', [Infinity, NaN], [Infinity, NaN], { atol: 0, rtol: 0 })).toMatchObject({
      ok: true,
      maxAbs: 0,
      tolerance: 'exact',
    });
  });
});

it('notCovered says why and fails nothing', () => {
  expect(notCovered('heun', 'not built')).toMatchObject({ ok: true, note: 'not built' });
});
