// A method's step of the bundled model in our modes and in PyTorch: what `npm run bench -- dreambooth` and
// `npm run bench -- lora` do.
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Plugin } from '@likeness/core';
import type { ResolvedMode } from '@likeness/engine';
import { openModel } from '../../src/composition.ts';
import { findPython, type Contender } from '../turns/contenders.ts';
import { ours, printTurns, pyTorch } from './contenders.ts';
import { prepareStep, rowsOf, type PreparedStep } from './preparedStep.ts';

export interface MethodBench {
  /** step.py, as seen from the built benchmark. */
  readonly script: URL;
  readonly methods: readonly (() => Plugin)[];
  /** What the other side imports. */
  readonly pythonModules: readonly string[];
  /** Of LoRA on the other side; as in `methods`. */
  readonly rank?: number;
}

export async function benchStep({ script, methods, pythonModules, rank }: MethodBench): Promise<void> {
  const { values: flags } = parseArgs({
    args: process.argv.slice(2).filter((argument) => argument !== '--'),
    options: {
      modes: { type: 'string', default: 'xla,graph,eager' },
      batch: { type: 'string', default: '4' },
      steps: { type: 'string', default: '10' },
      turns: { type: 'string', default: '5' },
      threads: { type: 'string', default: '2' },
      python: { type: 'string' },
    },
  });
  const threads = Number(flags.threads);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const load = (): number => loadavg()[0] ?? 0;
  // Each engine gets a model of its own: a variable belongs to one program.
  const prepare = async (): Promise<PreparedStep> =>
    prepareStep(await openModel('doodle'), methods, { trainBatchSize: Number(flags.batch) });
  const step = await prepare();
  const numbers = step.options.groups
    .flatMap(({ variables }) => variables)
    .reduce((sum, { size }) => sum + size, 0);
  print(
    `${step.config.recipe}: ${(numbers / 1e6).toFixed(2)} M parameters train, ${rowsOf(step.options)} pictures, fp32`,
  );
  print(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} logical cores, ${threads} threads, load ${load().toFixed(1)}`,
  );
  const busy = load() > 0.5 * cpus().length;
  const contenders: Contender[] = [];
  try {
    const python = findPython(flags.python, pythonModules.join());
    const reference =
      python === undefined ? undefined : await pyTorch(python, fileURLToPath(script), step, threads, rank);
    if (reference) contenders.push(reference);
    else {
      const install = `python3 -m venv torch && torch/bin/pip install ${pythonModules.join(' ')} transformers`;
      print(`no python with ${pythonModules.join(' and ')}: to compare, name one with --python (${install})`);
    }
    for (const mode of flags.modes.split(','))
      contenders.push(await ours(mode as ResolvedMode, await prepare(), threads));
    const amount = { turns: Number(flags.turns), steps: Number(flags.steps) };
    await printTurns(contenders, { ...amount, reference: reference?.name }, print);
    // Threads that wait for each other busily (PyTorch's do) lose most when they have to share a core.
    if (busy)
      print('other work ran on this machine: compare the least times, or measure again when it rests');
  } finally {
    for (const contender of contenders) await contender.close();
  }
}
