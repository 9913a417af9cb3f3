// `npm run bench -- engine [--python PYTHON] [--turns N] [--steps N] [--json]`: the train step of unet/unetStep.ts in
// every mode and in PyTorch. The contenders take turns within one run, so that a busy machine is busy for all; times
// are medians over all turns and are meant as ratios.
import { execFileSync, spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile, defaultThreads, startEngine, type ResolvedMode } from '@likeness/engine';
import { SMALL, unetStep } from './unet/unetStep.ts';

interface Turn {
  readonly milliseconds: readonly number[];
  readonly peakRssBytes: number;
}

interface Contender {
  readonly name: string;
  readonly firstSeconds: number;
  run(steps: number): Promise<Turn>;
  close(): Promise<void>;
}

const { values: flags } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    python: { type: 'string' },
    turns: { type: 'string', default: '5' },
    steps: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const threads = defaultThreads();
const step = unetStep(SMALL);

/** A mode, warmed up. Nothing compiled earlier is taken: compiling is measured. */
async function ours(mode: ResolvedMode): Promise<Contender> {
  const engine = await startEngine({ threads, programCache: false });
  const program = await compile({ trainStep: step.trainStep }, { engine, mode });
  await program.write(step.initialValues);
  const run = async (steps: number): Promise<Turn> => {
    const milliseconds: number[] = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      await program.run('trainStep', step.feeds);
      milliseconds.push(performance.now() - start);
    }
    return { milliseconds, peakRssBytes: (await engine.stats()).peakRssBytes };
  };
  const [first = NaN] = (await run(1)).milliseconds;
  return { name: `likeness ${mode}`, firstSeconds: first / 1000, run, close: () => engine.close() };
}

function findPython(): string | undefined {
  const works = (python: string): boolean => {
    try {
      execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  return [flags.python, 'python3', 'python'].find((python) => python !== undefined && works(python));
}

async function pyTorch(python: string): Promise<Contender> {
  const script = fileURLToPath(new URL('../../bench/unet/unetStep.py', import.meta.url));
  const start = performance.now();
  const child = spawn(python, [script, JSON.stringify({ ...SMALL, threads })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = (await lines.next()) as IteratorResult<string, undefined>;
    if (line.done) throw new Error(`${script} ended early; run it by hand to see why`);
    return JSON.parse(line.value) as unknown;
  };
  const { name } = (await answer()) as { name: string };
  const run = async (steps: number): Promise<Turn> => {
    child.stdin.write(`${JSON.stringify({ steps })}\n`);
    return (await answer()) as Turn;
  };
  await run(1);
  const firstSeconds = (performance.now() - start) / 1000;
  return { name, firstSeconds, run, close: () => Promise.resolve(void child.stdin.end()) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const contenders = [await ours('xla'), await ours('graph'), await ours('eager')];
const python = findPython();
if (python !== undefined) contenders.push(await pyTorch(python));
const turns = contenders.map((): Turn[] => []);
for (let turn = 0; turn < Number(flags.turns); turn++) {
  for (const [i, contender] of contenders.entries()) turns[i]?.push(await contender.run(Number(flags.steps)));
}
for (const contender of contenders) await contender.close();

const rows = contenders.map(({ name, firstSeconds }, i) => {
  const times = (turns[i] ?? []).flatMap(({ milliseconds }) => milliseconds);
  const peakRssBytes = Math.max(...(turns[i] ?? []).map((turn) => turn.peakRssBytes));
  return { name, firstSeconds, medianMs: median(times), leastMs: Math.min(...times), peakRssBytes };
});
const machine = { processor: cpus()[0]?.model ?? 'unknown', threads, load: loadavg()[0] ?? 0 };
if (flags.json) {
  console.log(JSON.stringify({ ...machine, parameters: step.numParameters, rows }));
} else {
  const xla = rows[0]?.medianMs ?? NaN;
  console.log(`${(step.numParameters / 1e6).toFixed(2)} M parameters, batch ${SMALL.batch}, fp32 AdamW`);
  console.log(`${machine.processor}, ${threads} threads, load ${machine.load.toFixed(1)}`);
  console.log(`${'who'.padEnd(22)} first call  ms/step (least)     ÷ xla   peak memory`);
  for (const { name, firstSeconds, medianMs, leastMs, peakRssBytes } of rows) {
    const cells = [
      name.padEnd(22),
      `${firstSeconds.toFixed(1)} s`.padStart(10),
      `${medianMs.toFixed(0)} (${leastMs.toFixed(0)})`.padStart(15),
      (medianMs / xla).toFixed(2).padStart(9),
      `${(peakRssBytes / 2 ** 20).toFixed(0)} MiB`.padStart(13),
    ];
    console.log(cells.join(' '));
  }
  if (python === undefined) console.log('no python with torch found: name one with --python to compare');
}
