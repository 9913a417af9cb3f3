// `npm run settings-card -- [MATRIX]`: what `pipeline ablate defaults` has found, into the page that says why the
// bundled model's settings are what they are. MATRIX is its folder, ablations/defaults where nobody says.

import { join, resolve } from 'node:path';
import { readOfMatrix, replaceBlock, threeDecimals } from './cards.mjs';
import { runAsCommand } from './setup.mjs';

const SHOWN = ['dino', 'clipT', 'pres', 'drift', 'classAccuracy'];
/** What the rule looks at: a setting changes where another value has more of both. */
const DECIDING = ['dino', 'clipT'];

await runAsCommand(async () => {
  const matrix = resolve(process.argv[2] ?? join('ablations', 'defaults'));
  const studies = Object.keys(readOfMatrix(matrix, 'matrix.json').question.studies);
  const sections = studies.map((name) => section(name, readOfMatrix(matrix, 'report', name, 'results.json')));
  replaceBlock('npm run settings-card', join('docs', 'settings.md'), sections.join('\n\n'));
});

function section(name, { meta, metrics, groups, subjects }) {
  const shown = SHOWN.map((metric) => metrics.find((one) => one.name === metric));
  const usual = groups.find(({ isBaseline }) => isBaseline).factors;
  const row = (fields) => `| ${fields.join(' | ')} |`;
  return [
    `### ${name}`,
    `${meta.question} Usual: ${factorsText(usual)}. Means of ${subjects.join(', ')}.`,
    [
      row(['', ...SHOWN, 'by the rule']),
      row(['---', ...SHOWN.map(() => '---:'), '---']),
      ...groups.map(({ label, factors }, i) =>
        row([
          factorsText(changes(factors, usual)) || 'usual',
          ...shown.map((metric) => threeDecimals(metric.groups[i].mean)),
          verdict(metrics, label),
        ]),
      ),
    ].join('\n'),
  ].join('\n\n');
}

/** A group against the one that differs from it in what is asked. */
function verdict(metrics, label) {
  const differences = DECIDING.map((name) =>
    metrics.find((metric) => metric.name === name).comparisons.find(({ group }) => group === label),
  );
  if (differences.includes(undefined)) return 'usual';
  const rises = differences.filter(({ difference }) => difference > 0).length;
  return rises === DECIDING.length
    ? '**better by both**'
    : rises === 0
      ? 'worse by both'
      : 'one for the other';
}

function changes(factors, usual) {
  return Object.fromEntries(Object.entries(factors).filter(([name, value]) => usual[name] !== value));
}

function factorsText(factors) {
  return Object.entries(factors)
    .map(([name, value]) => `\`${name}\` ${value}`)
    .join(', ');
}
