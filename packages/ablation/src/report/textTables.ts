// The tables as text, shared by Markdown, LaTeX and the page: which rows, which columns, what a field says.
import { FEWEST_SUBJECTS } from '../statistics/comparison.ts';
import {
  decimalsOf,
  describeScope,
  formatDifference,
  formatInterval,
  formatNumber,
  formatP,
  type Judgement,
} from '../statistics/wording.ts';
import { showValue } from './groups.ts';
import type { ComparisonReport, MetricReport, Report } from './analysis.ts';
import { publishedOf, type Replication } from './replication.ts';

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
export function scoreTable(report: Pick<Report, 'groups' | 'metrics' | 'published'>): ScoreRow[] {
  const { groups, metrics } = report;
  const best = metrics.map(bestMean);
  return groups.flatMap(({ label, isBaseline, factors }, row) => {
    const own: ScoreRow = {
      label,
      isBaseline,
      fields: metrics.map((metric, column) => {
        const mean = metric.groups[row]?.mean ?? Number.NaN;
        const comparison = metric.comparisons.find(({ group }) => group === label);
        return {
          text: scoreFormat(metric)(mean),
          isBest: mean === best[column],
          ...(comparison === undefined ? {} : { judgement: comparison.judgement, says: comparison.says }),
        };
      }),
    };
    const others = publishedOf(report, factors).map(({ source, measures }) => ({
      label,
      isBaseline: false,
      source,
      fields: metrics.map((metric) => ({
        text: scoreFormat(metric)(measures[metric.name] ?? Number.NaN),
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

/** How scores of a metric are written: sizes in units people read, all else with the decimals of the largest mean. */
export function scoreFormat({ name, groups }: MetricReport): (score: number) => string {
  const largest = Math.max(0, ...groups.map(({ mean }) => Math.abs(mean)).filter(Number.isFinite));
  if (name.endsWith('Bytes')) return formatBytes;
  if (largest === 0 || largest >= 1000) return formatNumber;
  const decimals = Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(largest))));
  return (score) => formatNumber(score, decimals);
}

function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return formatNumber(bytes);
  const unit = bytes >= 1e9 ? 'GB' : bytes >= 1e6 ? 'MB' : bytes >= 1e3 ? 'kB' : 'B';
  return `${formatNumber(bytes / { GB: 1e9, MB: 1e6, kB: 1e3, B: 1 }[unit])}\u00a0${unit}`;
}

/** `correct +0.011 [+0.009, +0.014], none …` */
export function describeLevels({ levels }: MetricReport['effects']['main'][number]): string {
  const decimals = decimalsOf(...levels.map(({ interval }) => interval));
  return levels
    .map(
      ({ level, effect, interval }) =>
        `${showValue(level)} ${formatDifference(effect, decimals)} ${formatInterval(interval, decimals)}`,
    )
    .join(', ');
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
  'by',
  'p (Holm)',
  'bootstrap',
  'Wilcoxon p',
  'g',
  'P(higher)',
  'detectable from',
  'pairs',
] as const;

export function comparisonFields(one: ComparisonReport): string[] {
  const decimals = decimalsOf(one.interval, one.tInterval);
  return [
    one.group,
    one.baseline,
    formatDifference(one.difference, decimals),
    formatInterval(one.interval, decimals),
    { 'sign flips': 'sign flips', 't-test': `t (${one.degrees})`, none: '–' }[one.test],
    formatP(one.adjustedP),
    formatInterval(one.bootstrapInterval, decimals),
    formatP(one.wilcoxonP),
    formatDifference(one.effectSize, 2),
    formatNumber(one.probabilityOfImprovement, 2),
    Number.isFinite(one.minimumDetectable) ? `±${formatNumber(one.minimumDetectable, decimals)}` : '–',
    String(one.pairs),
  ];
}

/** To whom the marks of a table apply: `Marks hold for these 2 subjects.`; nothing where nothing is tested. */
export function marksScope({ metrics }: Pick<Report, 'metrics'>): string {
  const scopes = metrics.flatMap(({ comparisons }) =>
    comparisons.filter(({ test }) => test !== 'none').map(describeScope),
  );
  const different = [...new Set(scopes)];
  return different.length === 0 ? '' : ` Marks hold ${different.join(' or ')}.`;
}

/** Why nothing is tested, of a metric that `isFact`. */
export function whyUntested({ groups }: MetricReport): string {
  return groups.every(({ n }) => n < 2)
    ? 'One cell a group, so there is nothing to test: more seeds or subjects would tell.'
    : 'A fact of each group, so there is nothing to test.';
}

export const REPLICATION_COLUMNS: readonly string[] = [
  'group',
  'against',
  'metric',
  'published',
  'here',
  '95 % interval',
  'p (Holm)',
  'agreement',
];

export const REPLICATION_NOTE =
  'Differences that were published beside those found here. Models and judges differ, so it is the direction that can agree; where no difference is detectable here, nothing is said of the published one.';

export function replicationFields({ metric, published, ours, agreement }: Replication): string[] {
  const decimals = decimalsOf(ours.interval, ours.tInterval);
  return [
    ours.group,
    ours.baseline,
    metric,
    formatDifference(published, 3),
    formatDifference(ours.difference, decimals),
    formatInterval(ours.interval, decimals),
    formatP(ours.adjustedP),
    agreement === 'unclear' ? 'not detectable' : agreement,
  ];
}

/** `method: F(3, 15) = 12.4, p < 0.001, partial η² 0.71`. */
export function describeTest(test: MetricReport['effects']['main'][number]['test']): string {
  if (test === undefined) return 'no test with so few';
  const p = formatP(test.adjustedP);
  return (
    `F(${test.degrees}, ${test.errorDegrees}) = ${formatNumber(test.f)}, p ${p.startsWith('<') ? p : `= ${p}`}, ` +
    `partial η² ${formatNumber(test.partialEta2, 2)}`
  );
}

/** What an effect is averaged over, and to whom it applies. */
export function settingsOf({
  settings,
  subjects,
}: Pick<MetricReport['effects']['main'][number], 'settings' | 'subjects'>): string {
  const unit = subjects >= FEWEST_SUBJECTS ? 'subject' : 'pair';
  return `over ${settings} ${settings === 1 ? 'setting' : 'settings'} of the other factors, ${describeScope({ unit, subjects })}`;
}
