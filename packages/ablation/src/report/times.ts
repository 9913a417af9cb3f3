// What the cells took, in files of their own: times differ between equal runs, so no record and no table holds them.
import { paretoFront } from '../statistics/pareto.ts';
import { interquartileMean, mean, median } from '../statistics/summary.ts';
import { formatNumber } from '../statistics/wording.ts';
import type { Report } from './analysis.ts';
import type { Group } from './groups.ts';
import { markup, raw } from './markup.ts';
import { keyOf } from './metricSection.ts';
import { PAGE_SCRIPT } from './pageScript.ts';
import { page } from './page.ts';
import type { CellTimes } from './reportOptions.ts';
import { tradeOffChart } from './tradeOffChart.ts';

export type TimesByCell = Readonly<Record<string, CellTimes>>;

export function timesJson(times: TimesByCell): string {
  return `${JSON.stringify(times, undefined, 1)}\n`;
}

/** Time and memory by group, and what fidelity costs in time. */
export function timesPage(report: Report, groups: readonly Group[], times: TimesByCell): string {
  const rows = groups.map((group) => {
    const own = group.cells.flatMap(({ id }) => times[id] ?? []);
    const memory = own.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? []);
    const steps = own.flatMap(({ secondsPerStep }) => secondsPerStep ?? []);
    return {
      group,
      n: own.length,
      seconds: median(own.map(({ seconds }) => seconds)),
      iqm: interquartileMean(own.map(({ seconds }) => seconds)),
      perStep: median(steps),
      memory: memory.length > 0 ? Math.max(...memory) : Number.NaN,
    };
  });
  const fidelity = report.metrics.find(({ better, isFact }) => better === 'higher' && !isFact);
  const points =
    fidelity === undefined
      ? []
      : rows.flatMap(({ group, seconds }, index) => {
          const y = fidelity.groups[index]?.mean ?? Number.NaN;
          return Number.isFinite(seconds) && Number.isFinite(y)
            ? [{ group: group.label, x: seconds, y }]
            : [];
        });
  const front = paretoFront(
    points.map(({ x, y }) => [y, x]),
    ['max', 'min'],
  );
  const total =
    mean(rows.flatMap(({ seconds, n }) => (Number.isFinite(seconds) ? [seconds * n] : []))) * rows.length;
  return page(
    `Times: ${report.meta.title}`,
    markup`<nav aria-label="Contents"><ol><li><a href="report.html">Report</a></li></ol></nav>
    <main><header><h1>Times</h1><p class="lead">${report.meta.title}</p>
      <p class="meta">Measured where the cells ran; equal cells take different times. About ${formatNumber(total / 3600, 2)} hours in all.
        Configuration <code>${report.meta.configHash.slice(0, 12)}</code></p></header>
    <section>${
      fidelity === undefined || points.length < 2
        ? undefined
        : markup`<figure>${raw(
            tradeOffChart(
              {
                vertical: { name: fidelity.name, sense: 'max' },
                horizontal: { name: 'seconds a cell', sense: 'min' },
                points: points.map((point, index) => ({ ...point, isOnFront: front.includes(index) })),
              },
              groups,
              680,
            ),
          )}</figure><p class="caption">Median time of a cell against mean ${fidelity.name}; filled: nothing beats it in both.</p>`
    }
    <div class="wide"><table><thead><tr><th></th><th>cells</th><th>median s</th><th>interquartile mean s</th><th>s a step</th><th>peak memory MiB</th></tr></thead>
    <tbody>${rows.map(
      ({ group, n, seconds, iqm, perStep, memory }) =>
        markup`<tr><th>${keyOf(group.index)}${group.label}</th><td>${n}</td><td>${formatNumber(seconds)}</td><td>${formatNumber(iqm)}</td><td>${formatNumber(perStep)}</td><td>${formatNumber(memory / 2 ** 20)}</td></tr>`,
    )}</tbody></table></div></section></main>`,
    PAGE_SCRIPT,
  );
}
