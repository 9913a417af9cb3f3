// `npm run paper-card -- [MATRIX]`: what `pipeline ablate paper` has found, into the pages that show it: scores and a
// sheet of pictures into the README, all studies and a sheet of styles into docs/paper.md. MATRIX is its folder,
// ablations/paper where nobody says.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pipeline, readOfMatrix, replaceBlock, threeDecimals, writeSheet } from './cards.mjs';
import { ROOT, runAsCommand, setUp, SetUpError, WORK_DIR } from './setup.mjs';

const COMMAND = 'npm run paper-card';
const FOLDER = join(WORK_DIR, 'paper-card');
const SHOWN = ['dino', 'clipT', 'pres', 'divFeatures', 'classDrift', 'drift', 'classAccuracy'];
const METHODS = ['dreambooth', 'dreambooth+ppl'];
const CELL_PX = 128;

await runAsCommand(async () => {
  await setUp();
  const matrix = resolve(process.argv[2] ?? join('ablations', 'paper'));
  const reportOf = (study) => readOfMatrix(matrix, 'report', study, 'results.json');
  const preservation = reportOf('prior-preservation');
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  replaceBlock(COMMAND, 'README.md', scores(preservation));
  const overview = readFileSync(join(matrix, 'report', 'overview.md'), 'utf8');
  replaceBlock(COMMAND, join('docs', 'paper.md'), overview.replace(/^# .*\n/, '').trim());
  await drawPreservation(matrix, preservation);
  await drawStyles(matrix, reportOf('style'));
});

/** Means, and how the second group differs from the first. */
function scores({ metrics, groups }) {
  const shown = SHOWN.map((name) => metrics.find((metric) => metric.name === name)).filter(Boolean);
  const arrow = { higher: ' ↑', lower: ' ↓', neither: '' };
  const row = (label, fields) => `| ${[label, ...fields].join(' | ')} |`;
  const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
  const differences = shown.map(({ comparisons: [one] }) => one);
  return [
    row(
      '',
      shown.map(({ name, better }) => `${name}${arrow[better]}`),
    ),
    row(
      '---',
      shown.map(() => '---:'),
    ),
    ...groups.map(({ label }, i) =>
      row(
        `\`${label}\``,
        shown.map((metric) => threeDecimals(metric.groups[i].mean)),
      ),
    ),
    row(
      'difference',
      differences.map(({ difference, judgement }) =>
        judgement === 'unclear' ? signed(difference) : `**${signed(difference)}**`,
      ),
    ),
    row(
      '95 % interval',
      differences.map(({ interval }) => `[${interval.map(signed).join(', ')}]`),
    ),
    row(
      'p',
      differences.map(({ adjustedP }) => adjustedP.toFixed(3)),
    ),
  ].join('\n');
}

/** For each subject: its first picture, itself on the beach and its class, by the base model and by both methods. */
async function drawPreservation(matrix, report) {
  const { subjects } = await load('doodle');
  const names = report.subjects;
  const nouns = names.map((name) => subjects[name].classNoun);
  const byMethod = (method, isWanted) =>
    names.map((name) => sampleOf(matrix, report, { method, subject: name }, isWanted));
  const onBeach = (prompt) => prompt.includes('on the beach');
  await drawSheet('paper', 'What training does to the subject and to its class', [
    ['one of five pictures', names.map((name) => picturesIn(subjects[name].instanceDataDir)[0])],
    ...METHODS.map((method) => [`${method}: on the beach`, byMethod(method, onBeach)]),
    ['the class, before', ofBase(nouns.map((noun) => `a photo of a ${noun}`))],
    ...METHODS.map((method) => [`the class, after ${method}`, byMethod(method, isOfClass)]),
  ]);
}

/** For each way of drawing: its pictures, and other things drawn like them by a new word and by all weights. */
async function drawStyles(matrix, report) {
  const { styles } = await load('doodle');
  const methods = [...new Set(report.cells.map(({ factors }) => factors.method))];
  const prompts = [...new Set(report.cells.flatMap(({ samples }) => samples.map(({ prompt }) => prompt)))];
  const shown = prompts.filter((prompt) => !isOfClass(prompt));
  const rows = report.subjects.flatMap((subject) => [
    [subject, picturesIn(styles[subject].instanceDataDir)],
    ...methods.map((method) => [
      method,
      shown.map((prompt) => sampleOf(matrix, report, { method, subject }, (one) => one === prompt)),
    ]),
  ]);
  const title = `A way of drawing: the five pictures, then ${shown.map((prompt) => prompt.replace(/^.* an? /, '')).join(', ')}`;
  await drawSheet('paper-style', title, rows);
}

function isOfClass(prompt) {
  return /^a photo of an? \w+$/.test(prompt);
}

function picturesIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.png'))
    .sort()
    .map((name) => join(folder, name));
}

/** The first seed's picture of a prompt. */
function sampleOf(matrix, { cells, seeds: [seed] }, { method, subject }, isWanted) {
  const cell = cells.find(
    (one) => one.factors.method === method && one.subject === subject && one.seed === seed,
  );
  const sample = cell?.samples.find(({ prompt }) => isWanted(prompt));
  if (sample === undefined) throw new SetUpError(`${matrix} has no picture of ${subject} by ${method}`);
  return join(matrix, sample.path);
}

/** Pictures of the model as it comes, a prompt each. */
function ofBase(prompts) {
  const file = join(FOLDER, 'prompts.txt');
  writeFileSync(file, prompts.join('\n'));
  return pipeline([
    ...['generate', 'doodle', '--prompt-file', file, '--num', '1', '--seed', '0', '--threads', '1'],
    ...['--output-dir', join(FOLDER, 'base'), '--json'],
  ]).map((line) => resolve(ROOT, JSON.parse(line).path));
}

/** @param rows label and picture files */
async function drawSheet(name, title, rows) {
  const { decodeImage, writeSheet: drawRows } = await load('core');
  const sheet = join(FOLDER, `${name}.png`);
  const decoded = await Promise.all(
    rows.map(async ([label, files]) => ({
      label,
      pictures: await Promise.all(files.map((file) => decodeImage(file))),
    })),
  );
  await drawRows(sheet, decoded, { title, cellPx: CELL_PX });
  await writeSheet(sheet, join(ROOT, 'docs', `${name}.webp`));
}

function load(name) {
  return import(pathToFileURL(join(ROOT, 'packages', name, 'dist', 'index.js')));
}
