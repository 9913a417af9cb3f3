// `npm run bench -- ablate`: what a matrix saves. Weights of prior preservation for some subjects and seeds, once as
// cells of one matrix, and as runs and evaluations somebody types one after the other, which share nothing. Of those
// only some are timed: they do not depend on each other.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pipelineProgram } from '../src/pipelineProgram.ts';
import { load, median } from './turns/contenders.ts';

const { values: flags } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    subjects: { type: 'string', default: 'robot,poodle' },
    seeds: { type: 'string', default: '4' },
    weights: { type: 'string', default: '0.5,1,2' },
    steps: { type: 'string', default: '200' },
    separate: { type: 'string', default: '4' },
  },
});
const EVALUATION = { imagesPerPrompt: 2, numClassImages: 8 };

/** @returns seconds */
function typed(words: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [pipelineProgram, ...words], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`pipeline ${words.join(' ')} failed\n${stderr}`);
  return (performance.now() - start) / 1000;
}

/** A run and its evaluation with an empty cache. */
function separateSeconds(folder: string, subject: string, seed: number, weight: string): number {
  const [run, cache] = [join(folder, 'run'), join(folder, 'cache')];
  return (
    typed([
      ...['run', 'dreambooth+ppl', '--subject', subject, '--seed', String(seed), '--no-samples', '--quiet'],
      ...['--prior-loss-weight', weight, '--max-train-steps', flags.steps],
      ...['--output-dir', run, '--cache-dir', cache],
    ]) +
    typed([
      ...['evaluate', run, '--images-per-prompt', String(EVALUATION.imagesPerPrompt)],
      ...['--num-class-images', String(EVALUATION.numClassImages), '--cache-dir', cache],
    ])
  );
}

function matrixSeconds(folder: string): number {
  return typed([
    ...['ablate', '--axis', `ppl.priorLossWeight=${flags.weights}`, '--set', 'recipe=dreambooth+ppl'],
    ...['--set', `maxTrainSteps=${flags.steps}`, '--subjects', flags.subjects, '--seeds', flags.seeds],
    ...Object.entries(EVALUATION).flatMap(([key, value]) => ['--evaluation', `${key}=${value}`]),
    ...['--output-dir', join(folder, 'matrix'), '--cache-dir', join(folder, 'cache'), '--quiet'],
  ]);
}

async function main(): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const [subjects, weights] = [flags.subjects.split(','), flags.weights.split(',')];
  const cells = subjects.length * weights.length * Number(flags.seeds);
  print(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} logical cores, load ${load()}`);
  const folder = await mkdtemp(join(tmpdir(), 'likeness-bench-'));
  try {
    const alone: number[] = [];
    for (let i = 0; i < Number(flags.separate); i++) {
      const place = join(folder, `separate-${i}`);
      const [subject = '', weight = ''] = [subjects[i % subjects.length], weights[i % weights.length]];
      alone.push(separateSeconds(place, subject, i % Number(flags.seeds), weight));
      await rm(place, { recursive: true, force: true });
    }
    const each = median(alone);
    print(
      `separate  ${each.toFixed(0)} s a run with its evaluation (${alone.map((s) => s.toFixed(0)).join(', ')}), ${(each * cells).toFixed(0)} s for ${cells}`,
    );
    const whole = matrixSeconds(folder);
    print(`matrix    ${whole.toFixed(0)} s for ${cells} cells, ${(whole / cells).toFixed(0)} s a cell`);
    print(`ratio     ${(whole / (each * cells)).toFixed(2)}`);
    print(`load at the end ${load()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
