// report.html: everything on one page that needs no network, no server and no other file.
import type { MetricReport, ParetoReport, Report } from './analysis.ts';
import { showValue, spaced, type Group } from './groups.ts';
import { markup, raw, type Markup } from './markup.ts';
import { keyOf, legend, metricSection } from './metricSection.ts';
import { page } from './page.ts';
import { PAGE_SCRIPT } from './pageScript.ts';
import { pictureSection } from './pictureGrid.ts';
import type { Pictures } from './pictures.ts';
import { methodNotes, provenance } from './provenance.ts';
import { replications } from './replication.ts';
import {
  MARKS,
  marksScope,
  REPLICATION_COLUMNS,
  REPLICATION_NOTE,
  replicationFields,
  scoreFormat,
  scoreTable,
} from './textTables.ts';
import { isNamed, tradeOffChart } from './tradeOffChart.ts';

export function reportPage(report: Report, groups: readonly Group[], pictures: Pictures): string {
  const { meta, metrics, pareto } = report;
  const pictured = pictureSection(groups, pictures);
  const broken = brokenSection(report);
  const replicated = publishedSection(report);
  return page(
    meta.title,
    markup`<nav aria-label="Contents"><ol>
      <li><a href="#scores">Scores</a></li>
      ${replicated === undefined ? undefined : markup`<li><a href="#published">Against what was published</a></li>`}
      ${pareto.length > 0 ? markup`<li><a href="#fronts">Fronts</a></li>` : undefined}
      ${pictured === undefined ? undefined : markup`<li><a href="#pictures">Pictures</a></li>`}
      <li>Metrics<ol>${metrics.map(({ name }) => markup`<li><a href="#metric-${name}">${name}</a></li>`)}</ol></li>
      ${broken === undefined ? undefined : markup`<li><a href="#broken">Cells without a result</a></li>`}
      <li><a href="#methods">How it was computed</a></li>
      <li><a href="#provenance">Where it comes from</a></li>
    </ol></nav>
    <main>
      <header>
        <h1>${meta.title}</h1>
        ${meta.question === undefined ? undefined : markup`<p class="lead">${meta.question}</p>`}
        <p class="meta">${summaryLine(report)}</p>
      </header>
      ${scoresSection(report, groups)}
      ${replicated}
      ${pareto.length > 0 ? frontsSection(report, groups) : undefined}
      ${pictured}
      ${metrics.map((metric) => metricSection(metric, groups))}
      ${broken}
      <section id="methods"><h2>How it was computed</h2>${methodNotes(report).map((note) => markup`<p>${note}</p>`)}</section>
      <section id="provenance"><h2>Where it comes from</h2>
        <dl>${provenance(report).map(([what, value]) => markup`<dt>${what}</dt><dd>${value}</dd>`)}</dl>
        <p>All numbers: <a href="results.json">results.json</a>, <a href="results.csv">results.csv</a>. For a paper:
          <a href="table.tex">table.tex</a>, <a href="figure.svg">figure.svg</a>.</p>
      </section>
    </main>`,
    PAGE_SCRIPT,
  );
}

function summaryLine({ cells, subjects, seeds, meta }: Report): Markup {
  const done = cells.filter(({ status }) => status === 'done').length;
  const judges = Object.keys(meta.judges);
  return markup`<b>${done}</b> of ${cells.length} cells · <b>${subjects.length}</b> ${plural(subjects.length, 'subject')} ·
    <b>${seeds.length}</b> ${plural(seeds.length, 'seed')} · ${plural(judges.length, 'judge')} <b>${judges.join(', ') || 'none'}</b> ·
    configuration <code>${meta.configHash.slice(0, 12)}</code>`;
}

/** Groups by metrics. @param id of the section, one of its kind on the page */
export function scoresSection(report: Report, groups: readonly Group[], id = 'scores'): Markup {
  const indexOf = new Map(groups.map(({ label, index }) => [label, index]));
  return markup`<section id="${id}"><h2>Scores</h2>
    <div class="wide"><table><thead><tr><th></th>${report.metrics.map(
      ({ name, better, description }) =>
        markup`<th data-tip="${description}">${name}${better === 'neither' ? '' : better === 'higher' ? ' ↑' : ' ↓'}</th>`,
    )}</tr></thead>
    <tbody>${scoreTable(report).map(({ label, isBaseline, source, fields }) =>
      source === undefined
        ? markup`<tr class="${isBaseline ? 'baseline' : ''}"><th>${keyOf(indexOf.get(label) ?? 0)}${label}${isBaseline ? ' (baseline)' : ''}</th>
            ${fields.map(
              ({ text, isBest, judgement, says }) =>
                markup`<td${says === undefined ? undefined : raw(` data-tip="${tipText(label, says)}"`)}><span class="${isBest ? 'best' : ''}">${text}</span><span class="mark ${judgement ?? ''}">${judgement === undefined ? '' : MARKS[judgement]}</span></td>`,
            )}</tr>`
        : markup`<tr class="published"><th>published: ${source}</th>${fields.map(({ text }) => markup`<td>${text}<span class="mark"></span></td>`)}</tr>`,
    )}</tbody></table></div>
    <p class="caption">Means over subjects. <span class="better">▲</span> better, <span class="worse">▼</span> worse, ◆ different
      than the baseline at α = ${report.analysis.alpha} after Holm’s correction; without a mark no difference is detectable, which
      is not the same as none.${marksScope(report)} Bold: the best mean. Arrows: which way is good.</p></section>`;
}

/** @returns nothing where nothing was published of both sides of a comparison */
export function publishedSection(report: Report, id = 'published'): Markup | undefined {
  const found = replications(report);
  if (found.length === 0) return undefined;
  return markup`<section id="${id}"><h2>Against what was published</h2><p>${REPLICATION_NOTE}</p>
    <div class="wide"><table class="dense"><thead><tr>${REPLICATION_COLUMNS.map((name) => markup`<th>${name}</th>`)}</tr></thead>
    <tbody>${found.map(
      (one) =>
        markup`<tr>${replicationFields(one).map((field, index) => (index === 0 ? markup`<th>${field}</th>` : markup`<td>${field}</td>`))}</tr>`,
    )}</tbody></table></div>
    <p class="caption">${[...new Set(found.map(({ source }) => source))].join('; ')}.</p></section>`;
}

function tipText(label: string, says: string): string {
  return markup`${label}: ${says}`.text;
}

function frontsSection(report: Report, groups: readonly Group[]): Markup {
  const { pareto } = report;
  const flat = pareto.filter(({ objectives }) => objectives.length === 2);
  return markup`<section id="fronts"><h2>Fronts</h2>
    <p>What is given up for what. Nothing beats a group on the front in all objectives at once; means decide, without regard to their uncertainty.</p>
    <figure class="two-columns">${flat.map(
      ({ objectives: [vertical, horizontal], points }) =>
        vertical &&
        horizontal &&
        markup`<div>${raw(
          tradeOffChart(
            {
              vertical: { name: vertical.metric, sense: vertical.sense },
              horizontal: { name: horizontal.metric, sense: horizontal.sense },
              points: points.map(({ group, values: [y = 0, x = 0], isOnFront }) => ({
                group,
                x,
                y,
                isOnFront,
              })),
            },
            groups,
            flat.length > 1 ? 455 : 620,
          ),
        )}</div>`,
    )}</figure>
    ${isNamed(groups) ? undefined : legend(groups, true)}
    ${pareto.map((one) => frontTable(one, report.metrics))}</section>`;
}

function frontTable(
  { objectives, points }: ParetoReport,
  metrics: readonly MetricReport[],
): Markup | undefined {
  if (objectives.length < 3) return undefined;
  const formats = objectives.map(({ metric }) => {
    const found = metrics.find(({ name }) => name === metric);
    return found === undefined ? String : scoreFormat(found);
  });
  return markup`<h3>All objectives at once</h3><div class="wide"><table><thead><tr><th></th>${objectives.map(
    ({ metric, sense }) => markup`<th>${metric} ${sense === 'max' ? '↑' : '↓'}</th>`,
  )}<th>on the front</th></tr></thead><tbody>${points.map(
    ({ group, values, isOnFront }) =>
      markup`<tr><th>${group}</th>${values.map((value, index) => markup`<td>${formats[index]?.(value) ?? ''}</td>`)}<td>${isOnFront ? 'yes' : 'no'}</td></tr>`,
  )}</tbody></table></div>`;
}

function brokenSection({ cells }: Report): Markup | undefined {
  const broken = cells.filter(({ status }) => status !== 'done');
  if (broken.length === 0) return undefined;
  return markup`<section id="broken"><h2>Cells without a result</h2>
    <div class="wide"><table><thead><tr><th>cell</th><th class="text">status</th><th class="text">factors</th><th class="text">subject</th><th>seed</th><th class="text">reason</th></tr></thead>
    <tbody>${broken.map(
      ({ id, status, factors, subject, seed, reason }) =>
        markup`<tr><th><code>${id.slice(0, 12)}</code></th><td class="text">${status}</td><td class="text">${Object.entries(
          factors,
        )
          .map(([name, value]) => `${spaced(name)} ${showValue(value)}`)
          .join(
            ', ',
          )}</td><td class="text">${subject}</td><td>${seed}</td><td class="text">${reason ?? ''}</td></tr>`,
    )}</tbody></table></div></section>`;
}

function plural(n: number, noun: string): string {
  return n === 1 ? noun : `${noun}s`;
}
