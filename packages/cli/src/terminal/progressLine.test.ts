import { expect, it } from 'vitest';
import { progressAmount } from './progressLine.ts';

it('time left follows from what was done since the work began', () => {
  let now = 0;
  const amount = progressAmount(() => now);
  expect(amount('sampling', 10, 110)).toBe('9 %');
  now = 1000;
  expect(amount('sampling', 20, 110)).toBe('18 %');
  now = 5000;
  expect(amount('sampling', 60, 110)).toBe('55 %, 5.0 s left');
  now = 9000;
  expect(amount('sampling', 110, 110)).toBe('100 %');
  expect(amount('loading', 1, 2)).toBe('50 %');
});
