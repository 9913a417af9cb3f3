// One metric: every cell's score, and what each group differs from its baseline by.
import {
  decimalsOf,
  describeScope,
  formatDifference,
  formatInterval,
  formatNumber,
  formatP,
} from '../statistics/wording.ts';
import type { MetricReport } from './analysis.ts';
import { colourOf, labelMargin, Plot, renderChart } from './chart.ts';
import { scoreOf, type Group } from './groups.ts';

const ROW_HEIGHT = 30;
const FRAME = { marginTop: 10, marginBottom: 40, marginRight: 20, style: { fontSize: '11px' } };
const AXIS = { nice: true, ticks: 5, labelAnchor: 'center', labelArrow: 'none' } as const;

/** Each cell a dot, the mean a bar: rows are groups. */
export function scoreChart(metric: MetricReport, groups: readonly Group[], width: number): string {
  const labels = groups.map(({ label }) => label);
  const indexOf = new Map(groups.map(({ label, index }) => [label, index]));
  const cells = groups.flatMap((group) =>
    group.cells.flatMap((cell) => {
      const score = scoreOf(cell, metric.name);
      if (score === undefined) return [];
      const title = `${group.label}\n${cell.subject}, seed ${cell.seed}: ${formatNumber(score)}`;
      return [{ label: group.label, colour: colourOf(group.index), score, title }];
    }),
  );
  const means = metric.groups
    .filter(({ mean }) => Number.isFinite(mean))
    .map(({ group, mean, iqm, n }) => ({
      label: group,
      colour: colourOf(indexOf.get(group) ?? 0),
      mean,
      title: `${group}\nmean ${formatNumber(mean)}, interquartile mean ${formatNumber(iqm)}, ${n} cells`,
    }));
  return renderChart(
    {
      ...FRAME,
      width,
      height: ROW_HEIGHT * labels.length + 52,
      marginLeft: labelMargin(labels),
      x: { ...AXIS, label: metric.name },
      y: { label: null, domain: labels, tickSize: 0 },
      marks: [
        Plot.ruleY(labels, { stroke: 'var(--rule)', strokeDasharray: '1,3' }),
        Plot.dot(cells, { x: 'score', y: 'label', r: 3, fill: 'colour', fillOpacity: 0.45, title: 'title' }),
        Plot.tickX(means, {
          x: 'mean',
          y: 'label',
          stroke: 'colour',
          strokeWidth: 2.5,
          inset: 5,
          title: 'title',
        }),
      ],
    },
    `${metric.name}: scores of all cells by group`,
  );
}

/**
 * Differences from the baseline with the deciding test's interval, filled where a difference is detectable; the band is
 * what could hardly have been detected.
 */
export function differenceChart(
  metric: MetricReport,
  groups: readonly Group[],
  { width, withLabels }: { readonly width: number; readonly withLabels: boolean },
): string {
  const rows = metric.comparisons
    .filter(({ difference }) => Number.isFinite(difference))
    .map((one) => differenceRow(one, groups));
  const labels = withLabels ? rows.map(({ group }) => group) : groups.map(({ label }) => label);
  const banded = rows.filter(({ band }) => band > 0);
  return renderChart(
    {
      ...FRAME,
      width,
      height: ROW_HEIGHT * labels.length + 52,
      marginLeft: withLabels ? labelMargin(labels) : 16,
      x: {
        ...AXIS,
        label: `difference in ${metric.name}${direction(metric)}`,
        tickFormat: (value: number) => formatTick(value),
      },
      y: { label: null, domain: labels, tickSize: 0, ...(withLabels ? {} : { axis: null }) },
      marks: [
        Plot.barX(banded, {
          x1: 'bandLow',
          x2: 'band',
          y: 'group',
          fill: 'var(--muted)',
          fillOpacity: 0.13,
          inset: 3,
          title: 'bandTitle',
        }),
        Plot.ruleX([0], { stroke: 'var(--muted)' }),
        intervalMark(rows),
        Plot.dot(rows, {
          x: 'difference',
          y: 'group',
          r: 5,
          stroke: 'colour',
          strokeWidth: 2,
          fill: 'fill',
          title: 'title',
        }),
      ],
    },
    `${metric.name}: differences from the baseline with 95 % intervals`,
  );
}

type DifferenceRow = ReturnType<typeof differenceRow>;

function differenceRow(one: MetricReport['comparisons'][number], groups: readonly Group[]) {
  const colour = colourOf(groups.find(({ label }) => label === one.group)?.index ?? 0);
  const decimals = decimalsOf(one.interval, one.tInterval);
  const found = one.verdict === 'higher' || one.verdict === 'lower';
  return {
    group: one.group,
    difference: one.difference,
    low: one.interval[0],
    high: one.interval[1],
    band: one.minimumDetectable,
    bandLow: -one.minimumDetectable,
    bandTitle: `differences below ±${formatNumber(one.minimumDetectable)} could hardly have been seen`,
    colour,
    fill: found ? colour : 'var(--paper)',
    title:
      `${one.group} against ${one.baseline}\n${formatDifference(one.difference, decimals)}, 95\u00a0% ${formatInterval(one.interval, decimals)}` +
      `\np ${formatP(one.adjustedP)} after Holm, ${one.pairs} pairs, ${describeScope(one)}`,
  };
}

function intervalMark(rows: readonly DifferenceRow[]): Plot.Link {
  const drawn = rows.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
  return Plot.link(drawn, {
    x1: 'low',
    x2: 'high',
    y1: 'group',
    y2: 'group',
    stroke: 'colour',
    strokeWidth: 3.5,
    strokeLinecap: 'round',
    title: 'title',
  });
}

/** As short as the number is, its sign shown. */
function formatTick(value: number): string {
  const text = String(Number(Math.abs(value).toPrecision(6)));
  return value === 0 ? '0' : `${value < 0 ? '−' : '+'}${text}`;
}

function direction({ better }: MetricReport): string {
  return better === 'neither' ? '' : better === 'higher' ? ' (right is better)' : ' (left is better)';
}
