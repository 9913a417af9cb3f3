// From cells to everything a report says. Plain JSON, the same for every output: `results.json` is this.
import type { CellResult, FactorValue } from '../cellResult.ts';
import { performanceProfile } from '../statistics/aggregates.ts';
import { compareWithBaseline, type Comparison } from '../statistics/comparison.ts';
import { paretoFront, type Sense } from '../statistics/pareto.ts';
import { ascending, interquartileMean, mean, standardDeviation } from '../statistics/summary.ts';
import { describeVerdict, judge, type Judgement } from '../statistics/wording.ts';
import { factorialEffects, type FactorialEffects } from './effects.ts';
import { baselineOf, groupCells, pairsOf, scoresOf, type Group } from './groups.ts';
import type { MetricFacts, PublishedNumber, ReportMeta, ReportOptions } from './reportOptions.ts';

export interface GroupReport {
  readonly label: string;
  readonly factors: Readonly<Record<string, FactorValue>>;
  readonly isBaseline: boolean;
  /** Label of what it is compared with. */
  readonly comparedWith?: string;
  readonly cells: Readonly<Record<CellResult['status'], number>>;
}

export interface GroupScores {
  readonly group: string;
  readonly n: number;
  /** Every subject weighs the same. */
  readonly mean: number;
  readonly iqm: number;
  readonly standardDeviation: number;
  /** Mean over seeds, by subject. */
  readonly bySubject: Readonly<Record<string, number>>;
}

export interface ComparisonReport extends Comparison {
  readonly group: string;
  readonly baseline: string;
  readonly judgement: Judgement;
  /** A sentence: what it shows, or how large a difference would have been seen. */
  readonly says: string;
}

export interface MetricReport extends MetricFacts {
  /** Never differs within a group (a file's size): a fact, which needs no test. */
  readonly isFact: boolean;
  readonly groups: readonly GroupScores[];
  /** None for facts. */
  readonly comparisons: readonly ComparisonReport[];
  readonly effects: FactorialEffects;
  /** Share of cells above a threshold, by group. */
  readonly profile: {
    readonly thresholds: readonly number[];
    readonly shares: Readonly<Record<string, readonly number[]>>;
  };
}

export interface ParetoReport {
  readonly objectives: readonly { readonly metric: string; readonly sense: Sense }[];
  readonly points: readonly {
    readonly group: string;
    readonly values: readonly number[];
    readonly isOnFront: boolean;
  }[];
}

export interface Report {
  readonly meta: ReportMeta;
  readonly analysis: {
    readonly alpha: number;
    readonly resamples: number;
    readonly resamplingSeed: number;
    readonly baseline: Readonly<Record<string, FactorValue>>;
    /** Measures that were asked for, where not all were. */
    readonly show?: readonly string[];
  };
  readonly subjects: readonly string[];
  readonly seeds: readonly number[];
  readonly groups: readonly GroupReport[];
  readonly metrics: readonly MetricReport[];
  readonly pareto: readonly ParetoReport[];
  readonly published: readonly PublishedNumber[];
  readonly cells: readonly CellResult[];
}

const PROFILE_STEPS = 60;
/** A fact that differs by less between groups is nothing one would trade for. */
const NOTABLE_SHARE = 0.01;

/** @throws ConfigError when no cell is of the baseline */
export function analyse({
  cells,
  baseline,
  metrics,
  meta,
  show,
  published = [],
  seed = 0,
  resamples = 10_000,
  alpha = 0.05,
}: ReportOptions): { report: Report; groups: readonly Group[] } {
  const groups = groupCells(cells, baseline);
  const listed = allMetrics(cells, metrics).filter(({ name }) => show?.includes(name) ?? true);
  const metricReports = listed.map((metric) => {
    const compared = groups.flatMap((group) => {
      const other = baselineOf(group, groups, baseline);
      return other === undefined ? [] : [{ group, other, pairs: pairsOf(metric.name, group, other) }];
    });
    const isFact = metric.isFact ?? groups.every((group) => new Set(scoresOf(group, metric.name)).size < 2);
    const comparisons = isFact
      ? []
      : compareWithBaseline(
          compared.map(({ pairs }) => pairs),
          { alpha, resamples, seed },
        );
    return {
      ...metric,
      isFact,
      groups: groups.map((group) => scoresReport(metric.name, group)),
      comparisons: comparisons.map((comparison, index) => ({
        group: compared[index]?.group.label ?? '',
        baseline: compared[index]?.other.label ?? '',
        judgement: judge(comparison, metric.better),
        says: describeVerdict(comparison),
        ...comparison,
      })),
      effects: isFact ? { main: [], interactions: [] } : factorialEffects(metric.name, groups),
      profile: profileOf(metric.name, groups),
    } satisfies MetricReport;
  });
  const report: Report = {
    meta,
    analysis: {
      alpha,
      resamples,
      resamplingSeed: seed,
      baseline,
      ...(show === undefined ? {} : { show }),
    },
    subjects: [...new Set(cells.map(({ subject }) => subject))],
    seeds: [...new Set(ascending(cells.map((cell) => cell.seed)))],
    groups: groups.map((group) => groupReport(group, baselineOf(group, groups, baseline))),
    metrics: metricReports,
    pareto: paretoReports(metricReports),
    published,
    cells,
  };
  return { report, groups };
}

/** Those listed that were measured, then measures nobody described. */
function allMetrics(cells: readonly CellResult[], listed: readonly MetricFacts[]): MetricFacts[] {
  const measured = new Set(cells.flatMap(({ measures }) => Object.keys(measures)));
  const named = new Set(listed.map(({ name }) => name));
  return [
    ...listed
      .filter(({ name }) => measured.has(name))
      .map(({ name, description, better, isFact }) => ({
        name,
        description,
        better,
        ...(isFact === undefined ? {} : { isFact }),
      })),
    ...[...measured]
      .filter((name) => !named.has(name))
      .sort()
      .map((name) => ({ name, description: 'a measure without a description', better: 'neither' as const })),
  ];
}

function groupReport(group: Group, comparedWith: Group | undefined): GroupReport {
  const count = (status: CellResult['status']): number =>
    group.cells.filter((cell) => cell.status === status).length;
  return {
    label: group.label,
    factors: group.factors,
    isBaseline: group.isBaseline,
    ...(comparedWith === undefined ? {} : { comparedWith: comparedWith.label }),
    cells: {
      done: count('done'),
      failed: count('failed'),
      invalid: count('invalid'),
      pending: count('pending'),
    },
  };
}

function scoresReport(metric: string, group: Group): GroupScores {
  const scores = scoresOf(group, metric);
  const subjects = [...new Set(group.cells.map(({ subject }) => subject))];
  const bySubject = subjects.flatMap((subject) => {
    const own = scoresOf(group, metric, subject);
    return own.length === 0 ? [] : [[subject, mean(own)] as const];
  });
  return {
    group: group.label,
    n: scores.length,
    mean: mean(bySubject.map(([, score]) => score)),
    iqm: interquartileMean(scores),
    standardDeviation: standardDeviation(scores),
    bySubject: Object.fromEntries(bySubject),
  };
}

/** Groups with a hole are compared with the rest all the same: shares are of the cells there are. */
function profileOf(metric: string, groups: readonly Group[]): MetricReport['profile'] {
  const all = groups.flatMap((group) => scoresOf(group, metric));
  if (all.length === 0) return { thresholds: [], shares: {} };
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = (high - low) * 0.03 || 1e-3;
  const thresholds = Array.from(
    { length: PROFILE_STEPS + 1 },
    (_, step) => low - margin + ((high - low + 2 * margin) * step) / PROFILE_STEPS,
  );
  const shares = groups.flatMap((group) => {
    const subjects = [...new Set(group.cells.map(({ subject }) => subject))];
    const tasks = subjects
      .map((subject) => scoresOf(group, metric, subject))
      .filter((scores) => scores.length > 0);
    return tasks.length === 0 ? [] : [[group.label, performanceProfile(tasks, thresholds)] as const];
  });
  return { thresholds, shares: Object.fromEntries(shares) };
}

/** What is traded against the first metric that should be high: the first that should be low, and each fact. */
function paretoReports(metrics: readonly MetricReport[]): ParetoReport[] {
  const judged = metrics.filter(({ better }) => better !== 'neither');
  const fidelity = judged.find(({ better, isFact }) => better === 'higher' && !isFact);
  if (fidelity === undefined) return [];
  const drift =
    judged.find(({ name }) => name === 'drift') ??
    judged.find(({ better, isFact }) => better === 'lower' && !isFact);
  const facts = judged.filter(({ isFact, groups }) => isFact && differs(groups.map((one) => one.mean)));
  const rivals = [...(drift === undefined ? [] : [drift]), ...facts];
  const sets = [
    ...rivals.map((rival) => [fidelity, rival]),
    ...(rivals.length > 1 ? [[fidelity, ...rivals]] : []),
  ];
  return sets.map(paretoOf).filter(({ points }) => points.length > 1);
}

/** By more than some bytes of metadata. */
function differs(values: readonly number[]): boolean {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high - low > NOTABLE_SHARE * Math.abs(high);
}

function paretoOf(metrics: readonly MetricReport[]): ParetoReport {
  const objectives = metrics.map(({ name, better }) => ({
    metric: name,
    sense: better === 'lower' ? ('min' as const) : ('max' as const),
  }));
  const labels = metrics[0]?.groups.map(({ group }) => group) ?? [];
  const points = labels
    .map((group, index) => ({
      group,
      values: metrics.map(({ groups }) => groups[index]?.mean ?? Number.NaN),
    }))
    .filter(({ values }) => values.every(Number.isFinite));
  const front = paretoFront(
    points.map(({ values }) => values),
    objectives.map(({ sense }) => sense),
  );
  return {
    objectives,
    points: points.map((point, index) => ({ ...point, isOnFront: front.includes(index) })),
  };
}
