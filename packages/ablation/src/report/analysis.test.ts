// What was planted is found, what was not is called not detectable: on made-up cells.
import { describe, expect, it } from 'vitest';
import { compareWithBaseline } from '../statistics/comparison.ts';
import { analyse, type ComparisonReport, type MetricReport } from './analysis.ts';
import { groupCells, pairsOf } from './groups.ts';
import { PLANTED, plantedCells, PLANTED_NOUN, plantedReport, SUBJECTS } from './plantedCells.ts';
import type { ReportOptions } from './reportOptions.ts';
import { replications } from './replication.ts';
import { marksScope, replicationFields, settingsOf, whyUntested } from './textTables.ts';

function metricOf(options: ReportOptions, name: string): MetricReport {
  return analyse(options).report.metrics.find((metric) => metric.name === name)!;
}

function comparisonOf(metric: MetricReport, group: string): ComparisonReport {
  return metric.comparisons.find((one) => one.group === group)!;
}

describe('planted effects', () => {
  const options = plantedReport();

  it.each(['dreambooth+ppl', 'lora', 'textual-inversion'])('%s: fidelity and drift are found', (method) => {
    for (const [name, judgement] of [
      ['dino', 'worse'],
      ['drift', 'better'],
    ] as const) {
      const found = comparisonOf(metricOf(options, name), method);
      const planted = PLANTED[method]![name]!;
      expect(found.verdict).toBe('lower');
      expect(found.judgement).toBe(judgement);
      expect(Math.abs(found.difference - planted)).toBeLessThan(found.minimumDetectable);
      expect(found.tInterval[0]).toBeLessThan(planted);
      expect(found.tInterval[1]).toBeGreaterThan(planted);
    }
  });

  it('where nothing was planted no difference is detectable, and it is said how large one would have had to be', () => {
    for (const { verdict, judgement, says, minimumDetectable } of metricOf(options, 'div').comparisons) {
      expect([verdict, judgement]).toEqual(['not detectable', 'unclear']);
      expect(minimumDetectable).toBeGreaterThan(0);
      expect(says).toMatch(
        /^no difference detectable for subjects like these 6 \(minimum detectable effect ±0\.\d+, with one more seed of each ±0\.\d+, with one more subject ±0\.\d+\)$/,
      );
      expect(says).not.toMatch(/no effect/);
    }
    expect(comparisonOf(metricOf(options, 'clipT'), 'lora').verdict).toBe('not detectable');
  });

  it('keeps to its false-alarm rate over many null matrices', () => {
    const alarms = Array.from({ length: 60 }, (_, seed) => {
      const groups = groupCells(plantedCells({ seed: seed + 100 }), { method: 'dreambooth' });
      const pairs = groups.slice(1).map((group) => pairsOf('div', group, groups[0]!));
      return compareWithBaseline(pairs, { resamples: 10 }).some(
        ({ verdict }) => verdict !== 'not detectable',
      );
    }).filter(Boolean).length;
    // Holm over 3 comparisons keeps the family's rate at 5 %: more than 8 of 60 has probability 0.4 %.
    expect(alarms).toBeLessThanOrEqual(8);
  });

  it('facts are not tested', () => {
    const size = metricOf(options, 'exportBytes');
    expect(size.isFact).toBe(true);
    expect(size.comparisons).toEqual([]);
    expect(size.groups.map((group) => group.mean)).toEqual(
      Object.values(PLANTED).map((effects) => effects['exportBytes']),
    );
  });

  it('what was published agrees in direction, contradicts, or is not told', () => {
    const source = 'somebody';
    const published = [
      { source, where: { method: 'dreambooth' }, measures: { dino: 0.6, drift: 0.1, div: 0.4, clipI: 0.8 } },
      { source, where: { method: 'lora' }, measures: { dino: 0.5, drift: 0.2, div: 0.3, clipI: 0.7 } },
      { source: 'another', where: { method: 'textual-inversion' }, measures: { dino: 0.1 } },
    ];
    const found = replications(analyse({ ...options, published }).report);
    // LoRA is planted with less fidelity and less drift than DreamBooth, and with the same diversity.
    expect(found.map(({ metric, agreement }) => [metric, agreement])).toEqual([
      ['dino', 'same direction'],
      ['div', 'unclear'],
      ['drift', 'opposite direction'],
    ]);
    expect(found[0]!.published).toBeCloseTo(-0.1, 12);
    expect(replicationFields(found[1]!).at(-1)).toBe('not detectable');
  });

  it('one cell a group is not called a fact', () => {
    const single = plantedReport({ subjects: ['robot'], seeds: 1 });
    const [dino, size] = ['dino', 'exportBytes'].map((name) => metricOf(single, name));
    expect(whyUntested(dino!)).toMatch(/^One cell a group/);
    expect(size!.comparisons).toEqual([]);
    expect(whyUntested(metricOf(options, 'exportBytes'))).toMatch(/^A fact of each group/);
  });

  it('what a metric calls a fact is not tested, even where its values differ', () => {
    const metrics = [{ name: 'dino', description: '', better: 'higher', isFact: true }] as const;
    expect(metricOf({ ...options, metrics }, 'dino').comparisons).toEqual([]);
  });

  it('the front of fidelity and drift leaves nobody out who is best at something', () => {
    const { pareto } = analyse(options).report;
    const front = pareto[0]!.points.filter(({ isOnFront }) => isOnFront).map(({ group }) => group);
    expect(pareto[0]!.objectives.map(({ metric }) => metric)).toEqual(['dino', 'drift']);
    // dreambooth+ppl is better than lora in both.
    expect(front).toEqual(['dreambooth', 'dreambooth+ppl', 'textual-inversion']);
  });
});

describe('two factors', () => {
  const { main, interactions } = metricOf(plantedReport({ classNouns: true }), 'dino').effects;

  it('main effects average over the other factor', () => {
    expect(main.map(({ factor }) => factor)).toEqual(['method', 'classNoun']);
    const noun = main[1]!;
    expect(noun.settings).toBe(4);
    const planted = PLANTED_NOUN.dino + PLANTED_NOUN.interaction / 4;
    expect(noun.levels[1]!.effect - noun.levels[0]!.effect).toBeCloseTo(planted, 2);
    expect(noun.test!.adjustedP).toBeLessThan(0.05);
    expect([noun.test!.degrees, noun.test!.errorDegrees]).toEqual([1, 5]);
  });

  it('the planted interaction is found: textual inversion loses nothing without the noun', () => {
    expect(interactions).toHaveLength(1);
    const { means, test } = interactions[0]!;
    expect(test!.adjustedP).toBeLessThan(0.05);
    const losses = means.map(([correct = 0, none = 0]) => none - correct);
    expect(Math.max(...losses.slice(0, 3))).toBeLessThan(-0.01);
    expect(losses[3]).toBeGreaterThan(-0.015);
  });

  it('compares within the other factor when the baseline does not name it', () => {
    const { report } = analyse(plantedReport({ classNouns: true }));
    expect(report.groups.filter(({ isBaseline }) => isBaseline)).toHaveLength(2);
    const lora = report.groups.find(({ label }) => label === 'lora · class noun none')!;
    expect(lora.comparedWith).toBe('dreambooth · class noun none');
  });
});

describe('what is missing', () => {
  const cells = plantedCells();

  it('failed cells leave the pairs, and are counted', () => {
    const broken = cells.map((cell) =>
      cell.factors['method'] === 'lora' && cell.subject === 'dog'
        ? { ...cell, status: 'failed' as const, measures: {}, reason: 'the loss is not finite' }
        : cell,
    );
    const { report } = analyse({ ...plantedReport(), cells: broken });
    const lora = comparisonOf(report.metrics[0]!, 'lora');
    expect([lora.pairs, lora.subjects]).toEqual([15, 5]);
    expect(report.groups.find(({ label }) => label === 'lora')!.cells).toMatchObject({ done: 15, failed: 3 });
  });

  it('a group of which nothing is left is not testable, and takes no part in the correction', () => {
    const broken = cells.map((cell) =>
      cell.factors['method'] === 'lora' ? { ...cell, status: 'failed' as const, measures: {} } : cell,
    );
    const [first] = analyse({ ...plantedReport(), cells: broken }).report.metrics;
    expect(comparisonOf(first!, 'lora')).toMatchObject({
      pairs: 0,
      verdict: 'not testable',
      says: 'not testable: no pair with the baseline',
    });
    const surest = first!.comparisons
      .filter(({ pairs }) => pairs > 0)
      .reduce((one, other) => (other.p < one.p ? other : one));
    expect(surest.adjustedP).toBe(2 * surest.p);
  });

  it('few subjects: seeds are the units, and the conclusion says so', () => {
    const options = { ...plantedReport({ subjects: SUBJECTS.slice(0, 2), seeds: 5 }) };
    const found = comparisonOf(metricOf(options, 'dino'), 'textual-inversion');
    expect([found.unit, found.units, found.subjects]).toEqual(['pair', 10, 2]);
    expect(found.test).toBe('sign flips');
    expect(found.verdict).toBe('lower');
  });

  it('few subjects: nothing is bootstrapped below ten pairs, and effects are tested within subjects', () => {
    const options = plantedReport({ subjects: SUBJECTS.slice(0, 2), seeds: 3, classNouns: true });
    const { comparisons, effects } = metricOf(options, 'dino');
    for (const { bootstrapMethod, says, stratified, degrees } of comparisons) {
      expect([bootstrapMethod, stratified, degrees]).toEqual(['none', true, 4]);
      expect(says).toContain('for these 2 subjects');
    }
    const [method, noun] = effects.main;
    expect([method!.test!.degrees, method!.test!.errorDegrees]).toEqual([3, 3 * 4]);
    expect([noun!.test!.degrees, noun!.test!.errorDegrees]).toEqual([1, 4]);
    expect(settingsOf(noun!)).toBe('over 4 settings of the other factors, for these 2 subjects');
    expect(method!.levels.every(({ interval }) => interval.every(Number.isFinite))).toBe(true);
    expect(marksScope(analyse(options).report)).toBe(' Marks hold for these 2 subjects.');
  });

  it('a single pair is not testable', () => {
    const options = { ...plantedReport({ subjects: ['robot'], seeds: 1 }) };
    for (const { verdict, says } of metricOf(options, 'dino').comparisons) {
      expect(verdict).toBe('not testable');
      expect(says).toBe('not testable for this subject: a single pair (3 seeds can be tested)');
    }
  });

  it('a baseline that is none of the cells', () => {
    expect(() => analyse({ ...plantedReport(), baseline: { method: 'dora' } })).toThrow(
      /the baseline is none of the cells/,
    );
  });
});
