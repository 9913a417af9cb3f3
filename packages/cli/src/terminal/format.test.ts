import { describe, expect, it } from 'vitest';
import {
  displayPath,
  formatBytes,
  formatLoss,
  formatPercent,
  formatRate,
  formatSeconds,
  truncate,
} from './format.ts';
import { table } from './table.ts';
import { timeLeft } from './timeLeft.ts';

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [199_000_000, '199 MB'],
    [999_900_000, '1.0 GB'],
    [25.3e9, '25.3 GB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.114, '0.11 s'],
    [0.996, '1.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.6, '1 min 00 s'],
    [185, '3 min 05 s'],
    [7800, '2 h 10 min'],
  ])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  it.each([
    [0.231, '0.2310'],
    [0, '0.000'],
    [1.2345e-5, '1.23e-5'],
    [Number.NaN, 'NaN'],
  ])('a loss of %d is %s', (loss, text) => expect(formatLoss(loss)).toBe(text));

  it.each([
    [2e-4, '0.0002'],
    [5e-6, '5e-6'],
    [0, '0'],
  ])('a rate of %d is %s', (rate, text) => expect(formatRate(rate)).toBe(text));
});

describe('shares', () => {
  it.each([
    [0.1234, '12.3 %'],
    [0.99949, '99.9 %'],
    [0.9999931, '99.9993 %'],
    [1, '100 %'],
  ])('%d is %s', (share, text) => expect(formatPercent(share)).toBe(text));

  it('of time left are told when there is something to wait for', () => {
    let now = 0;
    const left = timeLeft(() => now);
    now = 1000;
    expect(left(1, 10)).toBe('');
    now = 5000;
    expect(left(1, 10)).toBe(', 45 s left');
    expect(left(10, 10)).toBe('');
  });
});

describe('text', () => {
  it('is cut to a width', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef');
    expect(truncate('abcdef', 4)).toBe('abc…');
    expect(truncate('abcdef', Number.POSITIVE_INFINITY)).toBe('abcdef');
  });

  it('tells paths as one would type them', () => {
    expect(displayPath('/home/me/runs/x', '/home/me')).toBe('runs/x');
    expect(displayPath('/elsewhere/x', '/home/me')).toBe('/elsewhere/x');
  });

  it('stands in columns', () => {
    const columns = [{ title: 'name' }, { title: 'size', align: 'right' as const }];
    expect(
      table(columns, [
        ['a', '10'],
        ['longer', '9'],
      ]),
    ).toBe('name    size\na         10\nlonger     9');
  });
});
