// `pnpm bench dreambooth`: a DreamBooth step of the bundled model (instance and class pictures, AdamW, clipping, fp32)
// in our modes and in PyTorch. The contenders take turns within one run, so that a busy machine is busy for all.
import { execFileSync, spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  baseWeights,
  createRunContainer,
  createTrainFunctions,
  instanceLoss,
  modelFacts,
  noisedRows,
  resolveConfig,
  Trainer,
  trainOptions,
  type Batch,
  type DiffusionModel,
  type ResolvedConfig,
  type TrainFunctionsOptions,
} from '@likeness/core';
import { modelDir } from '@likeness/doodle';
import { compile, createRng, startEngine, type ResolvedMode } from '@likeness/engine';
import { builtIns, openModel } from '../src/composition.ts';

interface Turn {
  readonly milliseconds: readonly number[];
  readonly peakRssBytes: number;
}

/** Who takes part: warmed up, idle until its turn. */
interface Contender {
  readonly name: string;
  run(steps: number): Promise<Turn>;
  close(): Promise<void>;
}

interface Subject {
  readonly model: DiffusionModel;
  readonly config: ResolvedConfig;
  readonly lossTerms: TrainFunctionsOptions['lossTerms'];
  readonly lrSchedule: (step: number) => number;
  readonly options: TrainFunctionsOptions;
}

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

/** A run's parts on the bundled model. */
async function prepare(): Promise<Subject> {
  const model = await openModel('doodle');
  const values = {
    instanceDataDir: 'none: batches are made up',
    classNoun: 'dog',
    trainBatchSize: Number(flags.batch),
  };
  const { config, plugins } = resolveConfig({
    plugins: builtIns
      .filter(({ pluginName }) => ['dreambooth', 'ppl'].includes(pluginName))
      .map((make) => make()),
    layers: [{ name: 'the benchmark', values }],
    model: modelFacts(model),
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await Promise.all(container.trainables.map(({ create }) => create()));
  const side = model.resolution / model.latentCodec.downsampleFactor;
  const latentShape = [side, side, model.noisePredictor.latentChannels] as const;
  const options = trainOptions({ config, model, container, trainables, latentShape });
  return { model, config, options, lossTerms: container.lossTerms, lrSchedule: container.lrSchedule };
}

function madeUpBatch({ model, options: { batchSize, latentShape } }: Subject): Batch {
  const rows = 2 * batchSize;
  const pixels = latentShape[0] * latentShape[1];
  const normal = (purpose: string): Float32Array =>
    createRng(0)
      .stream(purpose, 0, 0)
      .normal(rows * pixels * latentShape[2]);
  const timesteps = Int32Array.from({ length: rows }, (_, row) => (row * 100) % 1000);
  return {
    ...noisedRows({ latents: normal('latents'), noise: normal('noise'), timesteps }, model.noiseSchedule),
    mask: new Float32Array(rows * pixels).fill(1),
    prompts: Array.from({ length: rows }, () => 0),
  };
}

async function ours(mode: ResolvedMode): Promise<Contender> {
  const subject = await prepare();
  const { model, options } = subject;
  const engine = await startEngine({ threads });
  const program = await compile(createTrainFunctions(options).functions, { engine, mode });
  await program.load(baseWeights(model, program));
  const { maxLength, hiddenSize } = model.textEncoder;
  const hiddenStates = createRng(0)
    .stream('text', 0, 0)
    .normal(maxLength * hiddenSize);
  const batch = madeUpBatch(subject);
  const trainer = new Trainer({
    ...subject,
    program,
    groups: options.groups,
    data: {
      instance: { pictures: [] },
      prompts: [{ text: '', ids: new Int32Array(maxLength), hiddenStates }],
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape: options.latentShape,
    },
    trainsTextEncoder: false,
    batchAt: () => batch,
  });
  let step = 0;
  return {
    name: `likeness, ${mode}`,
    close: () => engine.close(),
    run: async (steps) => {
      const milliseconds: number[] = [];
      for (let i = 0; i < steps; i++) {
        const start = performance.now();
        await trainer.step(step++);
        milliseconds.push(performance.now() - start);
      }
      return { milliseconds, peakRssBytes: (await engine.stats()).peakRssBytes };
    },
  };
}

/** A Python that has what the other side needs. */
function findPython(): string | undefined {
  const works = (python: string): boolean => {
    try {
      execFileSync(python, ['-c', 'import torch, diffusers'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  if (flags.python === undefined) return ['python3', 'python'].find(works);
  if (!works(flags.python)) throw new Error(`${flags.python} cannot import torch and diffusers`);
  return flags.python;
}

async function pyTorch(python: string, { options, model, config }: Subject): Promise<Contender> {
  const settings = {
    model: modelDir,
    threads,
    rows: 2 * options.batchSize,
    tokens: model.textEncoder.maxLength,
    latentShape: options.latentShape,
    learningRate: config.learningRate,
  };
  const script = fileURLToPath(new URL('../../bench/dreambooth.py', import.meta.url));
  const child = spawn(python, [script, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${script} ended early; run it by hand to see why`);
    return JSON.parse(line.value) as unknown;
  };
  const { name } = (await answer()) as { name: string };
  return {
    name: `${name}, fused AdamW, channels last`,
    run: async (steps) => {
      child.stdin.write(`${JSON.stringify({ steps })}\n`);
      return (await answer()) as Turn;
    },
    close: async () => {
      child.stdin.end();
    },
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function main(): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
  const subject = await prepare();
  const { options } = subject;
  const numbers = options.groups
    .flatMap(({ variables }) => variables)
    .reduce((sum, { size }) => sum + size, 0);
  print(
    `${(numbers / 1e6).toFixed(2)} M parameters, ${options.batchSize} + ${options.batchSize} pictures, fp32`,
  );
  print(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} logical cores, ${threads} threads, load ${load()}`,
  );

  const busy = (loadavg()[0] ?? 0) > 0.5 * cpus().length;
  const contenders: Contender[] = [];
  const python = findPython();
  try {
    if (python === undefined) print('no python with torch and diffusers: give one with --python to compare');
    else contenders.push(await pyTorch(python, subject));
    for (const mode of flags.modes.split(',')) contenders.push(await ours(mode as ResolvedMode));
    for (const { name, run } of contenders) {
      const start = performance.now();
      await run(1);
      const first = performance.now() - start;
      await run(2);
      print(`  ${name}: first step ${(first / 1000).toFixed(1)} s`);
    }
    const times = contenders.map((): number[] => []);
    const peaks = contenders.map(() => 0);
    for (let turn = 0; turn < Number(flags.turns); turn++) {
      for (const [i, contender] of contenders.entries()) {
        const { milliseconds, peakRssBytes } = await contender.run(Number(flags.steps));
        times[i]?.push(...milliseconds);
        peaks[i] = peakRssBytes;
      }
    }
    print(`\nsteps: ${flags.turns} turns of ${flags.steps}; load at the end ${load()}`);
    const reference = python === undefined ? [] : (times[0] ?? []);
    for (const [i, { name }] of contenders.entries()) {
      const ofOne = times[i] ?? [];
      const column = (label: string, of: (values: readonly number[]) => number): string => {
        const ratio = reference.length === 0 ? '' : ` (×${(of(ofOne) / of(reference)).toFixed(2)})`;
        return `${label} ${of(ofOne).toFixed(1).padStart(7)} ms${ratio}`;
      };
      const least = (values: readonly number[]): number => Math.min(...values);
      const memory = `peak ${Math.round((peaks[i] ?? 0) / 2 ** 20)} MiB`;
      print(`  ${name.padEnd(48)} ${column('median', median)}  ${column('least', least)}  ${memory}`);
    }
    // Threads that wait for each other busily (PyTorch's do) lose most when they have to share a core.
    if (busy)
      print('other work ran on this machine: compare the least times, or measure again when it rests');
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

await main();
