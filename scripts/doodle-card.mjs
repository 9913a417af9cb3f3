// `npm run doodle-card -- [MODEL]`: asks the bundled model for 1,000 pictures by captions that training never saw, lets
// the classifier say what they show, and writes that and samples at fixed seeds into the model's card. The classifier's
// own accuracy, on drawn pictures of the same captions, stands beside: nothing can score higher than it. How different
// the pictures of one sentence are is compared with drawn ones of the same sentence, by the judge that tells drawings
// apart.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pipeline, replaceBlock, writeSheet } from './cards.mjs';
import { ROOT, runAsCommand, setUp, SetUpError, WORK_DIR } from './setup.mjs';

const COMMAND = 'npm run doodle-card';
const DOODLE = join(ROOT, 'packages', 'doodle');
const CLASSIFIER = join(DOODLE, 'judges', 'classifier');
/** A seed that no training took. */
const SEED = 4242;
const SPLITS = { train: 700, combos: 300 };
/** Pictures of drawings that training never saw; those of the example subjects are looked at. */
const HELD_OUT = 2000;
/** For diversity: pictures of "a photo of a NOUN", and so many drawn ones that some of each noun are said no more of. */
const PICTURES_OF_A_NOUN = 4;
const DRAWN_FOR_DIVERSITY = 4000;
/** Where a few nouns are shown, twice each: by list, not by eye. */
const SCENES = [
  'on the beach',
  'in the snow',
  'at night',
  'in the forest',
  'on a wooden table',
  'in space',
  'at a party',
];
const SHOWN = ['cat', 'robot', 'house', 'flower', 'car'];
const NOUNS_A_ROW = 5;
const CELL_PX = 64;

await runAsCommand(async () => {
  await setUp();
  const [model = join(DOODLE, 'model')] = process.argv.slice(2);
  const folder = join(WORK_DIR, 'doodle-card');
  rmSync(folder, { recursive: true, force: true });
  const measured = Object.entries(SPLITS).map(([split, count]) => {
    console.error(`doodle-card: ${count} pictures, ${split}`);
    return { split, count, ...measure(model, split, count, join(folder, split)) };
  });
  const { nouns } = JSON.parse(readFileSync(join(DOODLE, 'vocabulary.json'), 'utf8'));
  const kept = reconstructed(model, join(folder, 'heldout'));
  const spread = await diversity(model, nouns, join(folder, 'diversity'));
  const groups = Array.from({ length: Math.ceil(nouns.length / NOUNS_A_ROW) }, (_, i) =>
    nouns.slice(i * NOUNS_A_ROW, (i + 1) * NOUNS_A_ROW),
  );
  await drawSheet(model, 'samples-nouns', '“a photo of a NOUN”, seeds 0 and 1', folder, [
    ...groups.map((group) => ({ label: group.join(', '), prompts: group.map(photo) })),
  ]);
  await drawSheet(model, 'samples-scenes', `${SHOWN.join(', ')}, seeds 0 and 1`, folder, [
    ...SCENES.map((scene) => ({ label: scene, prompts: SHOWN.map((noun) => `${photo(noun)} ${scene}`) })),
  ]);
  replaceBlock(COMMAND, join('packages', 'doodle', 'README.md'), table(measured, kept, spread));
});

/** Rows of prompts, two pictures each, beside each other. */
async function drawSheet(model, name, title, folder, rows) {
  console.error(`doodle-card: ${name}`);
  const { decodeImage, writeSheet: drawRows } = await import(
    pathToFileURL(join(ROOT, 'packages', 'core', 'dist', 'index.js'))
  );
  const prompts = join(folder, `${name}.txt`);
  writeFileSync(prompts, rows.flatMap((row) => row.prompts).join('\n'));
  const out = join(folder, name);
  const made = pipeline([
    ...['generate', model, '--prompt-file', prompts, '--num', '2', '--batch-size', '16'],
    ...['--output-dir', out, '--json'],
  ]).map((line) => JSON.parse(line));
  const pictures = await Promise.all(made.map(({ path }) => decodeImage(resolve(ROOT, path))));
  const sheet = join(out, `${name}.png`);
  await drawRows(
    sheet,
    rows.map(({ label, prompts: own }) => ({
      label,
      pictures: own.flatMap((prompt) => pictures.filter((_, i) => made[i].prompt === prompt)),
    })),
    { title, cellPx: CELL_PX },
  );
  await writeSheet(sheet, join(DOODLE, `${name}.webp`));
}

/** What the classifier says of drawn and of generated pictures of the same captions. */
function measure(model, split, count, folder) {
  const drawn = join(folder, 'drawn');
  const generated = join(folder, 'generated');
  mkdirSync(generated, { recursive: true });
  const file = draw(drawn, split, count);
  // A scene that the caption does not name cannot be missed.
  const rows = lines(file).map((row) => ({ ...row, scene: row.scene_named ? row.scene : null }));
  writeFileSync(file, jsonLines(rows));

  const prompts = join(folder, 'prompts.txt');
  writeFileSync(prompts, rows.map(({ text }) => text).join('\n'));
  const out = join(folder, 'samples');
  const made = pipeline([
    ...['generate', model, '--prompt-file', prompts, '--num', '1', '--seed', String(SEED)],
    ...['--batch-size', '16', '--output-dir', out, '--json'],
  ]).map((line) => JSON.parse(line).path);
  if (made.length !== rows.length) throw new SetUpError(`${made.length} pictures of ${rows.length} captions`);
  for (const path of made) copyFileSync(resolve(ROOT, path), join(generated, basename(path)));
  writeFileSync(
    join(generated, 'metadata.jsonl'),
    jsonLines(rows.map((row, i) => ({ ...row, file_name: basename(made[i]) }))),
  );
  return { drawn: judged(drawn), generated: judged(generated) };
}

/** Draws pictures by the recipe. @returns the file that says what they show */
function draw(folder, split, count) {
  const program = join(DOODLE, 'dist', 'data.js');
  const args = [program, folder, '--count', String(count), '--seed', String(SEED), '--split', split];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new SetUpError(`no pictures could be drawn\n${stderr}`);
  return join(folder, 'metadata.jsonl');
}

/** How well the autoencoder gives pictures of the example subjects back. */
function reconstructed(model, folder) {
  console.error('doodle-card: reconstructions');
  const file = draw(folder, 'heldout', HELD_OUT);
  const facts = JSON.parse(readFileSync(join(DOODLE, 'subjects', 'subjects.json'), 'utf8'));
  const drawings = new Set(Object.values(facts).map(({ drawing }) => drawing));
  writeFileSync(file, jsonLines(lines(file).filter(({ drawing }) => drawings.has(drawing))));
  return JSON.parse(pipeline(['pretrain', 'validate', model, '--data', folder, '--json']).at(-1));
}

/** Mean over nouns of the mean distance (1 - cosine of DINO's features) between pictures of "a photo of a NOUN". */
async function diversity(model, nouns, folder) {
  const drawnFolder = join(folder, 'drawn');
  const rows = lines(draw(drawnFolder, 'train', DRAWN_FOR_DIVERSITY));
  const saidNoMore = rows.filter(
    ({ colour, size, place, scene_named }) => !colour && !size && !place && !scene_named,
  );
  const prompts = join(folder, 'prompts.txt');
  writeFileSync(prompts, nouns.map(photo).join('\n'));
  const made = pipeline([
    ...['generate', model, '--prompt-file', prompts, '--num', String(PICTURES_OF_A_NOUN)],
    ...['--batch-size', '16', '--output-dir', join(folder, 'generated'), '--json'],
  ]).map((line) => JSON.parse(line));

  const load = (name) => import(pathToFileURL(join(ROOT, 'packages', name, 'dist', 'index.js')));
  const [{ decodeImage }, { openJudges }] = [await load('core'), await load('evaluation')];
  const { dino } = await openJudges({ dino: join(DOODLE, 'judges', 'dino') });
  const spreadOf = async (files) => {
    const pictures = await Promise.all(files.map((file) => decodeImage(file)));
    const features = (await dino.imageFeatures(pictures)).map(unit);
    const pairs = features.flatMap((a, i) => features.slice(i + 1).map((b) => 1 - dot(a, b)));
    return mean(pairs);
  };
  const spread = { generated: [], drawn: [] };
  try {
    for (const noun of nouns) {
      const drawn = saidNoMore
        .filter((row) => row.noun === noun)
        .map((row) => join(drawnFolder, row.file_name));
      if (drawn.length < 2) continue;
      const generated = made
        .filter(({ prompt }) => prompt === photo(noun))
        .map(({ path }) => resolve(ROOT, path));
      spread.drawn.push(await spreadOf(drawn));
      spread.generated.push(await spreadOf(generated));
    }
  } finally {
    await dino.close?.();
  }
  return { nouns: spread.drawn.length, drawn: mean(spread.drawn), generated: mean(spread.generated) };
}

function judged(folder) {
  return JSON.parse(pipeline(['pretrain', 'validate', CLASSIFIER, '--data', folder, '--json']).at(-1));
}

function table(measured, kept, spread) {
  const [seen, unseen] = measured;
  const ratio = (spread.generated / spread.drawn).toFixed(2);
  const percent = (value) => `${(100 * value).toFixed(1)} %`;
  const row = (what, aim, { generated, drawn }, column) =>
    `| ${what} | ≥ ${aim} % | ${percent(generated[`accuracy.${column}`])} | ${percent(drawn[`accuracy.${column}`])} |`;
  return [
    '| 1,000 captions | aim | generated | drawn |',
    '|---|---|---|---|',
    row(`noun right, of 50 (${seen.count})`, 95, seen, 'noun'),
    row('scene or flat colour right, where named', 97, seen, 'scene'),
    row('colour of the thing right, where named', 90, seen, 'colour'),
    row(`noun right in a scene it was never trained in (${unseen.count})`, 90, unseen, 'noun'),
    row('scene right there', 90, unseen, 'scene'),
    `| autoencoder: held-out subjects come back at (${kept.pictures}) | ≥ 28 dB | ${kept.psnr.toFixed(1)} dB | |`,
    `| diversity of “a photo of a NOUN” (${spread.nouns} nouns) | ≥ 0.8 of drawn | ${spread.generated.toFixed(3)}: ${ratio} of drawn | ${spread.drawn.toFixed(3)} |`,
  ].join('\n');
}

function lines(file) {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function jsonLines(rows) {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function photo(noun) {
  return `a photo of ${article(noun)} ${noun}`;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

function unit(vector) {
  return vector.map((value) => value / Math.sqrt(dot(vector, vector)));
}

function article(noun) {
  return /^[aeiou]/.test(noun) ? 'an' : 'a';
}
