// Whole designs: what factors do, alone and together, and performance profiles.
import { formatDifference, formatInterval, formatNumber } from '../statistics/wording.ts';
import type { MetricReport } from './analysis.ts';
import { colourOf, Plot, renderChart } from './chart.ts';
import type { Interaction, MainEffect } from './effects.ts';
import { showValue, spaced, type Group } from './groups.ts';

const STYLE = { fontSize: '11px' };

/** Means by level, with the interval of each level's effect. */
export function mainEffectChart(metric: MetricReport, effect: MainEffect, width: number): string {
  const points = effect.levels.map((level) => ({
    level: showValue(level.level),
    mean: level.mean,
    low: level.mean + level.interval[0] - level.effect,
    high: level.mean + level.interval[1] - level.effect,
    title:
      `${spaced(effect.factor)} ${showValue(level.level)}\nmean ${formatNumber(level.mean)}` +
      `\neffect ${formatDifference(level.effect)}, 95 % ${formatInterval(level.interval)}`,
  }));
  const stroke = colourOf(1);
  return renderChart(
    {
      width,
      height: 230,
      marginLeft: 52,
      marginBottom: 44,
      marginTop: 26,
      style: STYLE,
      x: {
        type: 'point',
        domain: points.map(({ level }) => level),
        label: spaced(effect.factor),
        labelAnchor: 'center',
        labelArrow: 'none',
        padding: 0.5,
      },
      y: { label: metric.name, labelArrow: 'none', nice: true, ticks: 5, grid: true },
      marks: [
        Plot.line(points, { x: 'level', y: 'mean', stroke, strokeOpacity: 0.35 }),
        Plot.link(
          points.filter(({ low }) => Number.isFinite(low)),
          {
            x1: 'level',
            x2: 'level',
            y1: 'low',
            y2: 'high',
            stroke,
            strokeWidth: 3,
            strokeLinecap: 'round',
            title: 'title',
          },
        ),
        Plot.dot(points, { x: 'level', y: 'mean', r: 4.5, fill: stroke, title: 'title' }),
      ],
    },
    `${metric.name}: means by ${spaced(effect.factor)}`,
  );
}

/** Parallel lines: the effects add up; crossing or fanning out: they do not. */
export function interactionChart(metric: MetricReport, interaction: Interaction, width: number): string {
  const [first, second] = interaction.factors;
  const [rows, columns] = interaction.levels;
  const points = rows.flatMap((row, r) =>
    columns.map((column, c) => {
      const mean = interaction.means[r]?.[c] ?? Number.NaN;
      const beyond = interaction.effects[r]?.[c] ?? Number.NaN;
      return {
        series: showValue(row),
        level: showValue(column),
        isLast: c === columns.length - 1,
        mean,
        colour: colourOf(r),
        title:
          `${spaced(first)} ${showValue(row)}, ${spaced(second)} ${showValue(column)}\nmean ${formatNumber(mean)}` +
          `\nbeyond both main effects ${formatDifference(beyond)}`,
      };
    }),
  );
  return renderChart(
    {
      width,
      height: 260,
      marginLeft: 52,
      marginBottom: 44,
      marginTop: 26,
      marginRight: 120,
      style: STYLE,
      x: {
        type: 'point',
        domain: columns.map(showValue),
        label: spaced(second),
        labelAnchor: 'center',
        labelArrow: 'none',
        padding: 0.3,
      },
      y: { label: metric.name, labelArrow: 'none', nice: true, ticks: 5, grid: true },
      marks: [
        Plot.line(points, { x: 'level', y: 'mean', z: 'series', stroke: 'colour', strokeWidth: 2 }),
        Plot.dot(points, { x: 'level', y: 'mean', r: 4, fill: 'colour', title: 'title' }),
        Plot.text(
          points.filter(({ isLast }) => isLast),
          { x: 'level', y: 'mean', text: 'series', fill: 'colour', dx: 10, textAnchor: 'start' },
        ),
      ],
    },
    `${metric.name}: ${spaced(first)} by ${spaced(second)}`,
  );
}

/** Share of cells above a threshold: a curve above another is higher at every threshold. */
export function profileChart(metric: MetricReport, groups: readonly Group[], width: number): string {
  const { thresholds, shares } = metric.profile;
  const points = groups.flatMap(({ label, index }) =>
    (shares[label] ?? []).map((share, step) => {
      const threshold = thresholds[step] ?? Number.NaN;
      const title = `${label}\n${Math.round(100 * share)} % of cells above ${formatNumber(threshold)}`;
      return { label, colour: colourOf(index), threshold, share, title };
    }),
  );
  return renderChart(
    {
      width,
      height: 240,
      marginLeft: 46,
      marginBottom: 40,
      marginTop: 22,
      style: STYLE,
      x: { label: `threshold of ${metric.name}`, labelAnchor: 'center', labelArrow: 'none', ticks: 6 },
      y: {
        label: 'share of cells above',
        labelArrow: 'none',
        domain: [0, 1],
        ticks: 5,
        grid: true,
        tickFormat: '.0%',
      },
      marks: [
        Plot.line(points, {
          x: 'threshold',
          y: 'share',
          z: 'label',
          stroke: 'colour',
          strokeWidth: 2,
          curve: 'step-after',
        }),
        Plot.dot(points, { x: 'threshold', y: 'share', r: 5, fill: 'transparent', title: 'title' }),
      ],
    },
    `${metric.name}: performance profiles`,
  );
}
