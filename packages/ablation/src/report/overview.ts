// Several questions in one matrix: a page and a text that show the scores of each, and lead to its report.
import { join } from 'node:path';
import { writeFileWhole } from '@likeness/core';
import type { MetricReport, Report } from './analysis.ts';
import { groupCells } from './groups.ts';
import { escapeMarkdown, MARKS_NOTE, published, scores } from './markdown.ts';
import { markup } from './markup.ts';
import { page } from './page.ts';
import { PAGE_SCRIPT } from './pageScript.ts';
import { publishedSection, scoresSection } from './reportPage.ts';
import { marksScope } from './textTables.ts';

export interface OverviewOptions {
  /** Folder to write into; each report lies in the folder of its name below it. */
  readonly out: string;
  readonly title: string;
  /** In the order of the matrix. */
  readonly studies: readonly { readonly name: string; readonly report: Report }[];
}

/** Writes `index.html` and `overview.md`. */
export async function writeOverview({ out, title, studies }: OverviewOptions): Promise<void> {
  await writeFileWhole(join(out, 'index.html'), overviewPage(title, studies));
  await writeFileWhole(join(out, 'overview.md'), overviewMarkdown(title, studies));
}

function overviewMarkdown(title: string, studies: OverviewOptions['studies']): string {
  return `${[
    `# ${escapeMarkdown(title)}`,
    ...studies.flatMap(({ name, report }) => [
      `## ${escapeMarkdown(name)}`,
      ...(report.meta.question === undefined ? [] : [escapeMarkdown(report.meta.question)]),
      escapeMarkdown(reach(report)),
      scores(judged(report)),
      ...published(report, '###'),
    ]),
    MARKS_NOTE,
  ].join('\n\n')}\n`;
}

function overviewPage(title: string, studies: OverviewOptions['studies']): string {
  return page(
    title,
    markup`<nav aria-label="Contents"><ol>${studies.map(
      ({ name }) => markup`<li><a href="#study-${name}">${name}</a></li>`,
    )}</ol></nav>
    <main><header><h1>${title}</h1></header>
    ${studies.map(({ name, report }) => {
      const { cells, analysis } = report;
      return markup`<article id="study-${name}"><h1>${name}</h1>
        ${report.meta.question === undefined ? undefined : markup`<p class="lead">${report.meta.question}</p>`}
        <p class="meta">${reach(report)} <a href="${encodeURIComponent(name)}/report.html">Pictures, charts and tests</a></p>
        ${scoresSection(judged(report), groupCells(cells, analysis.baseline), `scores-${name}`)}
        ${publishedSection(report, `published-${name}`)}</article>`;
    })}</main>`,
    PAGE_SCRIPT,
  );
}

/** Sizes are the same everywhere, and stand in the reports. */
function judged(report: Report): Report {
  const isScore = ({ isFact, groups }: MetricReport): boolean => !isFact || groups.every(({ n }) => n < 2);
  return { ...report, metrics: report.metrics.filter(isScore) };
}

function reach(report: Report): string {
  const { cells, subjects, seeds } = report;
  const done = cells.filter(({ status }) => status === 'done').length;
  const runs = seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`;
  return `${done} of ${cells.length} cells; ${subjects.join(', ')}; ${runs}.${marksScope(report)}`;
}
