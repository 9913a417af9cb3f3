// `npm run method-cards -- [recipe …]`: teaches the bundled model its default subject by every method and writes what
// came of it - pictures, sizes, times, memory - into docs/methods and the README, between two markers each.

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { pipeline, replaceBlock, writeSheet } from './cards.mjs';
import { ROOT, runAsCommand, setUp, SetUpError, WORK_DIR } from './setup.mjs';

/** Recipe → the card it stands in. */
const CARDS = {
  dreambooth: 'dreambooth',
  'dreambooth+ppl': 'ppl',
  lora: 'lora',
  'lora+ppl': 'lora',
  'textual-inversion': 'textual-inversion',
  'lora+textual-inversion': 'textual-inversion',
};
const COMMAND = 'npm run method-cards';

await runAsCommand(async () => {
  await setUp();
  const asked = process.argv.slice(2);
  const unknown = asked.filter((recipe) => !(recipe in CARDS));
  if (unknown.length > 0)
    throw new SetUpError(`no card for ${unknown.join(', ')}\n  expected: ${Object.keys(CARDS).join(', ')}`);
  for (const recipe of asked.length > 0 ? asked : Object.keys(CARDS)) {
    console.error(`method-cards: ${recipe}`);
    const folder = join(WORK_DIR, 'method-cards', recipe);
    rmSync(folder, { recursive: true, force: true });
    const measured = measure(recipe, folder);
    await writeSheet(measured.sheet, join(ROOT, 'docs', 'methods', `${recipe.replaceAll('+', '-')}.webp`));
    writeFileSync(join(folder, 'measured.json'), JSON.stringify(measured));
  }
  const measured = Object.keys(CARDS).flatMap((recipe) => {
    const file = join(WORK_DIR, 'method-cards', recipe, 'measured.json');
    return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8'))] : [];
  });
  for (const card of new Set(Object.values(CARDS)))
    replaceBlock(
      COMMAND,
      join('docs', 'methods', `${card}.md`),
      cardBlock(measured.filter((one) => CARDS[one.recipe] === card)),
    );
  replaceBlock(COMMAND, 'README.md', table(measured));
});

/** A whole run, as anybody starts it, and what its events say. */
function measure(recipe, folder) {
  const planned = JSON.parse(pipeline(['run', recipe, '--dry-run', '--json']).at(-1));
  const events = pipeline(['run', recipe, '--output-dir', folder, '--json']).map((line) => JSON.parse(line));
  const ofType = (type) => events.filter((event) => event.type === type);
  const seconds = (stage) => ofType('stage-finished').find((event) => event.stage === stage)?.seconds ?? 0;
  const steps = ofType('step');
  const { config } = planned;
  return {
    recipe,
    steps: config.maxTrainSteps,
    batch: config.trainBatchSize,
    trainedParameters: planned.estimate.trainedParameters,
    priorSeconds: seconds('prior'),
    trainingSeconds: seconds('training'),
    secondsPerStep: median(steps.map(({ secondsPerStep }) => secondsPerStep)),
    memoryBytes: Math.max(...steps.map(({ memoryBytes }) => memoryBytes)),
    exportBytes: ofType('exported')[0].files.reduce(
      (sum, file) => sum + statSync(join(folder, 'export', file)).size,
      0,
    ),
    sheet: ofType('samples-written').at(-1).sheet,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: config.threads,
  };
}

function cardBlock(measured) {
  const sheets = measured.map(
    ({ recipe, steps }) =>
      `![${recipe} after ${steps} steps: the subject's pictures, and what the model draws](${recipe.replaceAll('+', '-')}.webp)`,
  );
  return [...sheets, table(measured)].join('\n\n');
}

function table(measured) {
  const rows = measured.map((one) =>
    [
      `\`${one.recipe}\``,
      `${one.steps} × ${one.batch}${one.recipe.includes('ppl') ? ` + ${one.batch}` : ''}`,
      one.trainedParameters.toLocaleString('en'),
      `${Math.round(one.priorSeconds + one.trainingSeconds)} s`,
      `${one.secondsPerStep.toFixed(2)} s`,
      `${(one.memoryBytes / 1e9).toFixed(1)} GB`,
      bytes(one.exportBytes),
    ].join(' | '),
  );
  const [first] = measured;
  return [
    '| recipe | steps × pictures | trained numbers | class pictures, training, samples | a step | memory | result |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map((row) => `| ${row} |`),
    '',
    `Bundled model, subject robot, fp32, ${first.threads} threads of ${first.processor}; the time holds samples and compiling.`,
  ].join('\n');
}

function bytes(count) {
  if (count < 1e5) return `${(count / 1e3).toFixed(1)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
