// Sample pictures side by side: rows are groups, columns prompts × seeds, a table a subject.
import type { Group } from './groups.ts';
import { markup, raw, type Markup } from './markup.ts';
import type { Pictures } from './pictures.ts';

/** More columns are no longer looked at; which ones are left out is said. */
const MOST_COLUMNS = 12;
/** From more on they are drawn small; a click enlarges them. */
const MOST_LARGE = 8;

interface Column {
  readonly prompt: string;
  readonly cellSeed: number;
  readonly seed: number;
}

export function pictureSection(groups: readonly Group[], pictures: Pictures): Markup | undefined {
  const subjects = subjectsWithPictures(groups);
  if (subjects.length === 0) return undefined;
  return markup`<section id="pictures">
    <h2>Pictures</h2>
    <p>Rows are groups, columns prompts and seeds: pictures below each other began with the same noise.
      <a href="blind.html">Compare them blind</a>.</p>
    ${subjects.map(
      (subject, index) =>
        markup`<details ${raw(index === 0 ? 'open' : '')}><summary>${subject}</summary>${subjectGrid(subject, groups, pictures)}</details>`,
    )}
  </section>`;
}

/** Paths of the pictures the grids show. */
export function shownPictures(groups: readonly Group[]): string[] {
  return subjectsWithPictures(groups).flatMap((subject) => {
    const { shown } = columnsOf(subject, groups);
    return groups.flatMap((group) => shown.flatMap((column) => pathOf(group, subject, column) ?? []));
  });
}

function subjectGrid(subject: string, groups: readonly Group[], pictures: Pictures): Markup {
  const { shown, leftOut } = columnsOf(subject, groups);
  const prompts = shown.filter((column, index) => column.prompt !== shown[index - 1]?.prompt);
  return markup`<div class="wide"><table class="grid ${shown.length > MOST_LARGE ? 'many' : ''}"><thead>
      <tr><th></th>${prompts.map(
        ({ prompt }) =>
          markup`<th colspan="${shown.filter((column) => column.prompt === prompt).length}">${prompt}</th>`,
      )}</tr>
      <tr><th></th>${shown.map((column, at) => markup`<th class="${gapBefore(shown, at)}">${column.cellSeed} · ${column.seed}</th>`)}</tr></thead>
    <tbody>${groups.map(
      (group) =>
        markup`<tr><th>${group.label}</th>${shown.map((column, at) => {
          const path = pathOf(group, subject, column);
          const index = path === undefined ? undefined : pictures.indexOf.get(path);
          if (index === undefined)
            return markup`<td class="${gapBefore(shown, at)}"><div class="gap">none</div></td>`;
          const about = `${group.label}: ${column.prompt}, seed ${column.cellSeed}, picture seed ${column.seed}`;
          return markup`<td class="${gapBefore(shown, at)}"><img loading="lazy" src="${pictures.uris[index]}" alt="${about}"></td>`;
        })}</tr>`,
    )}</tbody></table></div>
    ${
      leftOut > 0
        ? markup`<p class="caption">${leftOut} further ${leftOut === 1 ? 'column is' : 'columns are'} not shown.</p>`
        : undefined
    }
    <p class="caption">Above each column: the cell’s seed and the picture’s.</p>`;
}

function subjectsWithPictures(groups: readonly Group[]): string[] {
  const cells = groups.flatMap((group) => group.cells);
  return [...new Set(cells.filter(({ samples }) => samples.length > 0).map(({ subject }) => subject))];
}

/** A little room where the next prompt begins. */
function gapBefore(columns: readonly Column[], at: number): string {
  return at > 0 && columns[at]?.prompt !== columns[at - 1]?.prompt ? 'next' : '';
}

/** Every prompt is shown before a second seed of one is. */
function columnsOf(subject: string, groups: readonly Group[]): { shown: Column[]; leftOut: number } {
  const all = new Map<string, Column>();
  for (const cell of groups.flatMap((group) => group.cells).filter((one) => one.subject === subject)) {
    for (const { prompt, seed } of cell.samples) {
      const column = { prompt, cellSeed: cell.seed, seed };
      all.set(JSON.stringify(column), column);
    }
  }
  const columns = [...all.values()];
  const prompts = [...new Set(columns.map(({ prompt }) => prompt))];
  const byPrompt = prompts.map((prompt) =>
    columns
      .filter((column) => column.prompt === prompt)
      .sort((a, b) => a.seed - b.seed || a.cellSeed - b.cellSeed),
  );
  const perPrompt = Math.max(1, Math.floor(MOST_COLUMNS / prompts.length));
  const shown = byPrompt.flatMap((own) => own.slice(0, perPrompt)).slice(0, MOST_COLUMNS);
  return { shown, leftOut: columns.length - shown.length };
}

function pathOf(group: Group, subject: string, { prompt, cellSeed, seed }: Column): string | undefined {
  const cell = group.cells.find((one) => one.subject === subject && one.seed === cellSeed);
  return cell?.samples.find((sample) => sample.prompt === prompt && sample.seed === seed)?.path;
}
