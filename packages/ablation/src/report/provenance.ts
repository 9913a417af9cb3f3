// What every file says of where its numbers come from, and how they were computed.
import { FEWEST_SUBJECTS } from '../statistics/comparison.ts';
import { FEWEST_RESAMPLED } from '../statistics/comparisonBootstrap.ts';
import { describeReach } from '../statistics/wording.ts';
import type { Report } from './analysis.ts';
import { showValue, spaced } from './groups.ts';

/** Facing lists: what, and its value. */
export function provenance({ meta, subjects, seeds, cells, analysis }: Report): [string, string][] {
  const count = (status: string): number => cells.filter((cell) => cell.status === status).length;
  const rest = (['failed', 'invalid', 'pending'] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `, ${count(status)} ${status}`);
  const named = (things: Readonly<Record<string, string>>): string =>
    Object.entries(things)
      .map(([name, value]) => `${name} ${value}`)
      .join('; ');
  return [
    ['configuration', meta.configHash],
    ['cells', `${count('done')} done${rest.join('')}`],
    ['subjects', subjects.join(', ')],
    ['seeds', seeds.join(', ')],
    ['judges', named(meta.judges) || 'none'],
    ['weights', named(meta.weights) || 'none'],
    ...(meta.settings === undefined
      ? []
      : [['settings', settingsLine(meta.settings)] satisfies [string, string]]),
    ['versions', named(meta.versions)],
    ['resampling', `${analysis.resamples} resamples, seed ${analysis.resamplingSeed}`],
  ];
}

function settingsLine(settings: NonNullable<Report['meta']['settings']>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${spaced(name)} ${showValue(value)}`)
    .join('; ');
}

/** How the numbers were computed, a paragraph each. */
export function methodNotes({ metrics, analysis }: Report): string[] {
  const compared = metrics.flatMap(({ comparisons }) => comparisons.filter(({ pairs }) => pairs > 1));
  const reaches = [...new Set(compared.map(describeReach))];
  return [
    'Cells with the same subject and seed are paired: they share noise, timesteps, data order and evaluation seeds. ' +
      'A difference is the mean over subjects of their mean difference, so every subject weighs the same.',
    'Intervals cover 95 % and are those of the test that decides: Student’s t, or the shifts that sign flips do not ' +
      `refuse. With fewer than ${FEWEST_SUBJECTS} subjects only what varies between seeds of one subject is taken for ` +
      'chance (subjects are strata), where there are seeds enough. A bootstrap interval (BCa) stands beside them from ' +
      `${FEWEST_RESAMPLED} units on: with fewer it is too narrow.`,
    ...reaches.map((reach) => `${reach.charAt(0).toUpperCase()}${reach.slice(1)}.`),
    `P-values are two-sided and corrected after Holm over the comparisons of a metric; α is ${analysis.alpha}. The minimum ` +
      'detectable effect is what a t-test of as many units finds with a probability of 80 % at α over the number of ' +
      'comparisons, given how much the differences vary here; with one more seed or subject, if they go on varying so. ' +
      '“No difference detectable” says no more than that.',
    'Main effects and interactions average over the settings of the other factors in which every level was run; their ' +
      `tests are analyses of variance with subjects as blocks, or with fewer than ${FEWEST_SUBJECTS} with their seeds as ` +
      'blocks and subjects as strata, corrected after Holm over the effects of a metric; their intervals are t intervals ' +
      'over blocks.',
  ];
}
