// The part of the page about one metric: scores and differences, tables, effects.
import type { MetricReport } from './analysis.ts';
import { differenceChart, scoreChart } from './comparisonCharts.ts';
import { interactionChart, mainEffectChart, profileChart } from './designCharts.ts';
import { spaced, type Group } from './groups.ts';
import { markup, raw, unbroken, type Markup } from './markup.ts';
import {
  COMPARISON_COLUMNS,
  comparisonFields,
  describeLevels,
  describeTest,
  settingsOf,
  scoreFormat,
  MARKS,
  whyUntested,
} from './textTables.ts';

const PAGE_WIDTH = 920;

export function metricSection(metric: MetricReport, groups: readonly Group[]): Markup {
  const better = { higher: 'Higher is better.', lower: 'Lower is better.', neither: '' }[metric.better];
  return markup`<section id="metric-${metric.name}">
    <h2>${metric.name}</h2>
    <p>${sentence(metric.description)} ${better}</p>
    ${metric.isFact ? factTable(metric) : measured(metric, groups)}
  </section>`;
}

function factTable(metric: MetricReport): Markup {
  const format = scoreFormat(metric);
  return markup`<p>${whyUntested(metric)}</p>
    <div class="wide"><table><thead><tr><th>group</th><th>value</th></tr></thead>
    <tbody>${metric.groups.map(({ group, mean }) => markup`<tr><th>${group}</th><td>${format(mean)}</td></tr>`)}</tbody></table></div>`;
}

function measured(metric: MetricReport, groups: readonly Group[]): Markup {
  const { comparisons } = metric;
  const rightWidth = comparisons.length > 0 ? 390 : 0;
  return markup`${
    comparisons.length > 0
      ? markup`<ul class="findings">${comparisons.map(
          ({ group, baseline, says, judgement }) =>
            markup`<li><b>${group}</b> against ${baseline}: <span class="mark ${judgement}">${MARKS[judgement]}</span> ${unbroken(says)}.</li>`,
        )}</ul>`
      : undefined
  }
    <figure class="pair">
      <div>${raw(scoreChart(metric, groups, PAGE_WIDTH - rightWidth - 8))}</div>
      ${
        comparisons.length > 0
          ? markup`<div>${raw(differenceChart(metric, groups, { width: rightWidth, withLabels: false }))}</div>`
          : undefined
      }
    </figure>
    <p class="caption">Left: every cell a dot, the mean over subjects a bar. ${
      comparisons.length > 0
        ? 'Right: difference from the baseline; the deciding test’s 95 % interval, a filled dot where a difference is detectable. Grey: what could hardly have been seen.'
        : ''
    }</p>
    ${comparisons.length > 0 ? details('All comparisons', comparisonTable(metric)) : undefined}
    ${details('Subject by subject', subjectTable(metric))}
    ${details(
      'Performance profiles',
      markup`<figure>${raw(profileChart(metric, groups, 620))}</figure>${legend(groups)}
        <p class="caption">Share of cells above each threshold, subjects weighing the same.</p>`,
    )}
    ${effectsPart(metric)}`;
}

function comparisonTable({ comparisons }: MetricReport): Markup {
  return markup`<div class="wide"><table class="dense"><thead><tr>${COMPARISON_COLUMNS.map((name) => markup`<th>${name}</th>`)}</tr></thead>
    <tbody>${comparisons.map(
      (one) =>
        markup`<tr>${comparisonFields(one).map((field, index) => (index === 0 ? markup`<th>${field}</th>` : markup`<td>${field}</td>`))}</tr>`,
    )}</tbody></table></div>`;
}

/** Means over seeds; the shade runs from the metric's lowest to its highest mean. */
function subjectTable(metric: MetricReport): Markup {
  const { groups } = metric;
  const format = scoreFormat(metric);
  const subjects = [...new Set(groups.flatMap(({ bySubject }) => Object.keys(bySubject)))];
  const all = groups.flatMap(({ bySubject }) => Object.values(bySubject));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const shade = (value: number): string => {
    const share = high > low ? Math.round((24 * (value - low)) / (high - low)) : 0;
    return `background: color-mix(in srgb, var(--accent) ${share}%, transparent)`;
  };
  return markup`<div class="wide"><table class="wrap"><thead><tr><th>subject</th>${groups.map(({ group }) => markup`<th>${group}</th>`)}</tr></thead>
    <tbody>${subjects.map(
      (subject) =>
        markup`<tr><th>${subject}</th>${groups.map(({ bySubject }) => {
          const value = bySubject[subject];
          return value === undefined
            ? markup`<td>–</td>`
            : markup`<td style="${shade(value)}; padding-left: 14px">${format(value)}</td>`;
        })}</tr>`,
    )}</tbody></table></div>`;
}

function effectsPart(metric: MetricReport): Markup | undefined {
  const { main, interactions } = metric.effects;
  // With a single factor its effects are the comparisons above.
  if (main.length < 2) return undefined;
  const width = Math.min(440, Math.floor((PAGE_WIDTH - 16) / Math.min(2, main.length)));
  return markup`<h3>Main effects</h3>
    <figure class="pair">${main.map((effect) => markup`<div>${raw(mainEffectChart(metric, effect, width))}</div>`)}</figure>
    <ul class="findings">${main.map(
      (one) =>
        markup`<li><b>${spaced(one.factor)}</b>: ${describeLevels(one)}; ${describeTest(one.test)} (${settingsOf(one)}).</li>`,
    )}</ul>
    <p class="caption">Level minus mean of all levels, averaged over the settings of the other factors in which every level was run; 95 % t intervals over subjects, or with fewer than five over seeds within them.</p>
    ${
      interactions.length === 0
        ? undefined
        : markup`<h3>Interactions</h3>
          <figure class="pair">${interactions.map((one) => markup`<div>${raw(interactionChart(metric, one, width))}</div>`)}</figure>
          <ul class="findings">${interactions.map(
            (one) =>
              markup`<li><b>${spaced(one.factors[0])} × ${spaced(one.factors[1])}</b>: ${describeTest(one.test)} (${settingsOf(one)}).</li>`,
          )}</ul>
          <p class="caption">Parallel lines say that effects add up.</p>`
    }`;
}

export function legend(groups: readonly Group[], withNumbers = false): Markup {
  return markup`<p class="caption legend">${groups.map(
    ({ label, index }) =>
      markup`<span style="white-space: nowrap; margin-right: 18px">${keyOf(index)}${withNumbers ? `${index + 1} ` : ''}${label}</span> `,
  )}</p>`;
}

/** The dot of a group's colour. */
export function keyOf(index: number): Markup {
  return markup`<span class="key" style="background: var(--g${index % 8})"></span>`;
}

function details(summary: string, content: Markup): Markup {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
