// Against scipy.stats: rtol 1e-9, the noncentral t 1e-7.
import { expect, it } from 'vitest';
import {
  betaCdf,
  fSurvival,
  noncentralTCdf,
  normalCdf,
  normalQuantile,
  tQuantile,
  tSurvival,
} from './distributions.ts';
import { expectClose, readFixture } from './testFixtures.ts';

type Row = readonly number[];
const fixture = readFixture<Record<string, readonly Row[]>>('distributions');

const FUNCTIONS: Readonly<Record<string, (...given: number[]) => number>> = {
  norm_ppf: (p = 0) => normalQuantile(p),
  norm_cdf: (x = 0) => normalCdf(x),
  t_sf: (t = 0, degrees = 0) => tSurvival(t, degrees),
  t_ppf: (p = 0, degrees = 0) => tQuantile(p, degrees),
  f_sf: (f = 0, degrees1 = 0, degrees2 = 0) => fSurvival(f, degrees1, degrees2),
  nct_cdf: (t = 0, degrees = 0, noncentrality = 0) => noncentralTCdf(t, degrees, noncentrality),
  betainc: (a = 0, b = 0, x = 0) => betaCdf(x, a, b),
};

it.each(Object.keys(FUNCTIONS))('%s', (name) => {
  const rows = fixture[name] ?? [];
  expect(rows.length).toBeGreaterThan(7);
  for (const row of rows) {
    const given = row.slice(0, -1);
    expectClose(FUNCTIONS[name]?.(...given), row.at(-1), `${name}(${given.join(', ')})`, {
      rtol: name === 'nct_cdf' ? 1e-7 : 1e-9,
    });
  }
});
