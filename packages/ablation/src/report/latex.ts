// The table of a paper: booktabs, means, and differences with their intervals.
import { decimalsOf, formatDifference, formatInterval, formatNumber } from '../statistics/wording.ts';
import type { Report } from './analysis.ts';
import { marksScope, scoreTable } from './textTables.ts';

/** Needs `\usepackage{booktabs}`. */
export function reportLatex(report: Report): string {
  const { meta, metrics, analysis } = report;
  const columns = metrics.map(({ name, better }) => `${escapeTex(name)}${ARROWS[better]}`);
  const rows = scoreTable(report).map(({ label, source, fields }) =>
    [
      source === undefined ? escapeTex(label) : `\\quad \\textit{${escapeTex(source)}}`,
      ...fields.map(({ text, isBest, judgement }) => {
        const number = isBest ? `\\textbf{${escapeTex(text)}}` : escapeTex(text);
        return judgement === undefined || judgement === 'unclear' ? number : `${number}$^{*}$`;
      }),
    ].join(' & '),
  );
  const tested = metrics.filter(({ comparisons }) => comparisons.length > 0);
  const compared = [...new Set(tested.flatMap(({ comparisons }) => comparisons.map(({ group }) => group)))];
  const differences = compared.map((group) =>
    [
      escapeTex(group),
      ...metrics.map(({ comparisons }) => {
        const one = comparisons.find((comparison) => comparison.group === group);
        if (one === undefined) return '';
        return `${escapeTex(formatDifference(one.difference, decimalsOf(one.interval, one.tInterval)))} {\\scriptsize ${escapeTex(formatInterval(one.interval, decimalsOf(one.interval, one.tInterval)))}}`;
      }),
    ].join(' & '),
  );
  const detectable = tested.map(
    ({ name, comparisons }) =>
      `${name} ${formatNumber(Math.max(...comparisons.map(({ minimumDetectable }) => minimumDetectable)))}`,
  );
  const span = columns.length + 1;
  return `${[
    `% ${oneLine(meta.title)}`,
    `% configuration ${oneLine(meta.configHash)}; seeds ${report.seeds.join(', ')}; subjects ${oneLine(report.subjects.join(', '))}`,
    ...Object.entries(meta.judges).map(([name, hash]) => `% judge ${oneLine(`${name} ${hash}`)}`),
    ...Object.entries(meta.weights).map(([name, hash]) => `% weights ${oneLine(`${name} ${hash}`)}`),
    `% ${oneLine(
      Object.entries(meta.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    )}`,
    '\\begin{table}',
    '\\centering',
    '\\small',
    `\\begin{tabular}{l${'r'.repeat(columns.length)}}`,
    '\\toprule',
    `${['', ...columns].join(' & ')} \\\\`,
    '\\midrule',
    ...rows.map((row) => `${row} \\\\`),
    ...(differences.length > 0
      ? [
          '\\midrule',
          `\\multicolumn{${span}}{l}{\\textit{difference from the baseline, 95\\,\\% interval}} \\\\`,
          ...differences.map((row) => `${row} \\\\`),
        ]
      : []),
    '\\bottomrule',
    '\\end{tabular}',
    `\\caption{${escapeTex(meta.title)}. Means over ${report.subjects.length} subjects and ${report.seeds.length} seeds; ` +
      `best in bold. $^{*}$ differs from the baseline ($p \\le ${analysis.alpha}$ after Holm's correction); elsewhere no ` +
      `difference is detectable${detectable.length > 0 ? ` (minimum detectable effect at most ${escapeTex(detectable.join(', '))})` : ''}.${escapeTex(marksScope(report))}}`,
    '\\end{table}',
  ].join('\n')}\n`;
}

const ARROWS = { higher: ' $\\uparrow$', lower: ' $\\downarrow$', neither: '' };

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '−': '$-$',
  '±': '$\\pm$',
  '∞': '$\\infty$',
  '–': '--',
  '·': '$\\cdot$',
  '’': "'",
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': '\\textquotedbl{}',
  '\u00a0': '~',
};

export function escapeTex(text: string): string {
  return oneLine(text).replace(
    /[\\~^−±∞–·’\u00a0&%$#_{}<>|"]/g,
    (letter) => SPECIAL[letter] ?? `\\${letter}`,
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/[^\S\u00a0]+|\p{Cc}+/gu, ' ');
}
