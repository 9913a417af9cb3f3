// The report as Markdown.
import type { MetricReport, Report } from './analysis.ts';
import { showValue, spaced } from './groups.ts';
import { methodNotes, provenance } from './provenance.ts';
import { replications } from './replication.ts';
import {
  COMPARISON_COLUMNS,
  comparisonFields,
  describeLevels,
  describeTest,
  MARKS,
  marksScope,
  REPLICATION_COLUMNS,
  REPLICATION_NOTE,
  replicationFields,
  scoreFormat,
  scoreTable,
  settingsOf,
  whyUntested,
} from './textTables.ts';

export function reportMarkdown(report: Report): string {
  const { meta, metrics, pareto, cells } = report;
  const broken = cells.filter(({ status }) => status === 'failed' || status === 'invalid');
  return `${[
    `# ${escapeMarkdown(meta.title)}`,
    ...(meta.question === undefined ? [] : [escapeMarkdown(meta.question)]),
    '## Scores',
    scores(report),
    MARKS_NOTE + marksScope(report),
    ...published(report, '##'),
    ...metrics.flatMap((metric) => metricSection(metric)),
    ...(pareto.length > 0 ? ['## Fronts', ...pareto.map(frontLine)] : []),
    ...(broken.length > 0
      ? [
          '## Cells without a result',
          table(
            ['cell', 'status', 'factors', 'subject', 'seed', 'reason'],
            broken.map(({ id, status, factors, subject, seed, reason = '' }) => [
              id.slice(0, 12),
              status,
              Object.entries(factors)
                .map(([name, value]) => `${spaced(name)} ${showValue(value)}`)
                .join(', '),
              subject,
              String(seed),
              reason,
            ]),
          ),
        ]
      : []),
    '## How it was computed',
    ...methodNotes(report),
    table(['', ''], provenance(report)),
  ].join('\n\n')}\n`;
}

export const MARKS_NOTE =
  'Means over subjects. ▲ better, ▼ worse, ◆ different than the baseline after Holm’s correction; without a mark no ' +
  'difference is detectable. Bold: the best mean.';

/** Groups by metrics. */
export function scores(report: Pick<Report, 'groups' | 'metrics' | 'published'>): string {
  return table(
    [
      '',
      ...report.metrics.map(
        ({ name, better }) => `${name}${better === 'neither' ? '' : better === 'higher' ? ' ↑' : ' ↓'}`,
      ),
    ],
    scoreTable(report).map(({ label, isBaseline, source, fields }) => [
      source === undefined ? (isBaseline ? `${label} (baseline)` : label) : `*published: ${source}*`,
      ...fields.map(({ text, judgement, isBest }) =>
        `${isBest ? `**${text}**` : text} ${judgement === undefined ? '' : MARKS[judgement]}`.trim(),
      ),
    ]),
  );
}

/** What was published beside what was found; nothing where nothing was. */
export function published(report: Report, level: string): string[] {
  const found = replications(report);
  if (found.length === 0) return [];
  return [
    `${level} Against what was published`,
    REPLICATION_NOTE,
    table(REPLICATION_COLUMNS, found.map(replicationFields)),
  ];
}

function metricSection(metric: MetricReport): string[] {
  const { name, description, isFact, comparisons, effects } = metric;
  if (isFact)
    return [`## ${escapeMarkdown(name)}`, `${escapeMarkdown(sentence(description))} ${whyUntested(metric)}`];
  return [
    `## ${escapeMarkdown(name)}`,
    escapeMarkdown(sentence(description)),
    comparisons
      .map(({ group, baseline, says }) => `- ${escapeMarkdown(`${group} against ${baseline}: ${says}`)}.`)
      .join('\n'),
    table(COMPARISON_COLUMNS, comparisons.map(comparisonFields)),
    subjectTable(metric),
    ...effects.main.map(
      (one) =>
        `**${escapeMarkdown(spaced(one.factor))}** (${settingsOf(one)}): ${escapeMarkdown(describeLevels(one))}; ${describeTest(one.test)}.`,
    ),
    ...effects.interactions.map(
      (one) =>
        `**${escapeMarkdown(one.factors.map(spaced).join(' × '))}** (${settingsOf(one)}): ${describeTest(one.test)}.`,
    ),
  ];
}

/** Mean over seeds. */
function subjectTable(metric: MetricReport): string {
  const { groups } = metric;
  const format = scoreFormat(metric);
  const subjects = [...new Set(groups.flatMap(({ bySubject }) => Object.keys(bySubject)))];
  return table(
    ['subject', ...groups.map(({ group }) => group)],
    subjects.map((subject) => [
      subject,
      ...groups.map(({ bySubject }) => format(bySubject[subject] ?? Number.NaN)),
    ]),
  );
}

function frontLine({ objectives, points }: Report['pareto'][number]): string {
  const names = objectives.map(({ metric, sense }) => `${metric} (${sense === 'max' ? 'high' : 'low'})`);
  const front = points.filter(({ isOnFront }) => isOnFront).map(({ group }) => group);
  return escapeMarkdown(`${names.join(', ')}: nothing beats ${front.join(', ')} in all at once.`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (fields: readonly string[]): string => `| ${fields.map(cellText).join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

/** Bold and italics that stand around a field are ours; what is in them is text. */
function cellText(field: string): string {
  const [, before = '', text = field, after = ''] = /^(\*{0,2})(.*?)(\1(?: [▲▼◆])?)$/s.exec(field) ?? [];
  return `${before}${escapeMarkdown(text)}${after}`;
}

/** Text that people entered, in one line: it makes no heading, link, picture, table or HTML. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
    .replaceAll(/[\\`*<>|]|\](?=[([:])/g, (letter) => `\\${letter}`)
    .replaceAll(/&(?=#?\w+;)/g, '&amp;')
    .replaceAll(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\_')
    .replaceAll(/^([#+-]|\d+[.)])(?=\s)/g, '\\$1');
}

function sentence(description: string): string {
  return `${description.charAt(0).toUpperCase()}${description.slice(1)}.`;
}
