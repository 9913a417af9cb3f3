// The tables as text, shared by Markdown, LaTeX and the page: which rows, which columns, what a field says.
import {
  decimalsOf,
  formatDifference,
  formatInterval,
  formatNumber,
  formatP,
  type Judgement,
} from '../statistics/wording.ts';
import type { ComparisonReport, MetricReport, Report } from './analysis.ts';

export interface ScoreField {
  readonly text: string;
  /** Of the comparison with the baseline; undefined for the baseline and for facts. */
  readonly judgement?: Judgement;
  /** A sentence for whoever asks. */
  readonly says?: string;
  readonly isBest: boolean;
}

export interface ScoreRow {
  readonly label: string;
  readonly isBaseline: boolean;
  /** Where the numbers were published, for rows that are not ours. */
  readonly source?: string;
  readonly fields: readonly ScoreField[];
}

/** Groups by metrics: means; published numbers below the group they belong to. */
export function scoreTable({ groups, metrics, published }: Report): ScoreRow[] {
  const best = metrics.map(bestMean);
  return groups.flatMap(({ label, isBaseline, factors }, row) => {
    const own: ScoreRow = {
      label,
      isBaseline,
      fields: metrics.map((metric, column) => {
        const mean = metric.groups[row]?.mean ?? Number.NaN;
        const comparison = metric.comparisons.find(({ group }) => group === label);
        return {
          text: formatScore(metric.name, mean),
          isBest: mean === best[column],
          ...(comparison === undefined ? {} : { judgement: comparison.judgement, says: comparison.says }),
        };
      }),
    };
    const others = published
      .filter(({ where }) =>
        Object.entries(where).every(([name, value]) => (factors[name] ?? null) === value),
      )
      .map(({ source, measures }) => ({
        label,
        isBaseline: false,
        source,
        fields: metrics.map(({ name }) => ({
          text: formatScore(name, measures[name] ?? Number.NaN),
          isBest: false,
        })),
      }));
    return [own, ...others];
  });
}

function bestMean({ better, groups }: MetricReport): number {
  const means = groups.map(({ mean }) => mean).filter(Number.isFinite);
  if (better === 'neither' || new Set(means).size < 2) return Number.NaN;
  return better === 'higher' ? Math.max(...means) : Math.min(...means);
}

/** Sizes in units people read, all else as numbers. */
export function formatScore(metric: string, value: number): string {
  if (!metric.endsWith('Bytes') || !Number.isFinite(value)) return formatNumber(value);
  const unit = value >= 1e9 ? 'GB' : value >= 1e6 ? 'MB' : value >= 1e3 ? 'kB' : 'B';
  const scaled = value / { GB: 1e9, MB: 1e6, kB: 1e3, B: 1 }[unit];
  return `${formatNumber(scaled)} ${unit}`;
}

/** Mark after a score: better, worse or different than the baseline; nothing where no difference was detectable. */
export const MARKS: Readonly<Record<Judgement, string>> = {
  better: '▲',
  worse: '▼',
  different: '◆',
  unclear: '',
};

export const COMPARISON_COLUMNS = [
  'group',
  'against',
  'difference',
  '95 % interval',
  't interval',
  'p (Holm)',
  'Wilcoxon p',
  'g',
  'P(higher)',
  'detectable from',
  'pairs',
] as const;

export function comparisonFields(one: ComparisonReport): string[] {
  const decimals = decimalsOf(one);
  return [
    one.group,
    one.baseline,
    formatDifference(one.difference, decimals),
    formatInterval(one.interval, decimals),
    formatInterval(one.tInterval, decimals),
    formatP(one.adjustedP),
    formatP(one.wilcoxonP),
    formatDifference(one.effectSize, 2),
    formatNumber(one.probabilityOfImprovement, 2),
    Number.isFinite(one.minimumDetectable) ? `±${formatNumber(one.minimumDetectable, decimals)}` : '–',
    String(one.pairs),
  ];
}

/** `method: F(3, 15) = 12.4, p < 0.001, partial η² 0.71`. */
export function describeTest(test: MetricReport['effects']['main'][number]['test']): string {
  if (test === undefined) return 'no test with a single subject';
  const p = formatP(test.adjustedP);
  return (
    `F(${test.degrees}, ${test.errorDegrees}) = ${formatNumber(test.f)}, p ${p.startsWith('<') ? p : `= ${p}`}, ` +
    `partial η² ${formatNumber(test.partialEta2, 2)}`
  );
}
