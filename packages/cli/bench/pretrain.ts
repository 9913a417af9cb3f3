// `npm run bench -- pretrain`: steps of the noise predictor and of the autoencoder at the bundled model's size -
// batches drawn, gradients, clipping, AdamW, averages - in float32 and bfloat16, and in PyTorch, by turns in one run.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRng, openCache, type DiffusionModel } from '@likeness/core';
import { modelDir } from '@likeness/doodle';
import { benchmarkSteps, resolvePretrainConfig, type ModelNetwork } from '@likeness/plugin-pretrain';
import { openModel } from '../src/composition.ts';
import { findPython, load, median, pythonContender, takeTurns, type Contender } from './turns/contenders.ts';

const { values: flags } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    networks: { type: 'string', default: 'unet,vae' },
    precisions: { type: 'string', default: 'fp32,bf16' },
    mode: { type: 'string', default: 'xla' },
    'unet-batch': { type: 'string', default: '64' },
    'vae-batch': { type: 'string', default: '32' },
    'vae-crop': { type: 'string', default: '32' },
    steps: { type: 'string', default: '4' },
    turns: { type: 'string', default: '4' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string' },
  },
});
const PICTURES = 128;
const PYTHON_HINT =
  'no python with torch and diffusers: make one (python3 -m venv E; E/bin/pip install torch diffusers transformers) and give it with --python E/bin/python';

type Precision = 'fp32' | 'bf16';

function configOf(model: DiffusionModel, precision: Precision, cacheDir: string) {
  const training = { maxTrainSteps: 1_000_000, emaDecay: 0.999 };
  const side = Math.min(Number(flags['vae-crop']), model.resolution);
  const values = {
    data: 'made up',
    model: 'doodle',
    mode: flags.mode,
    threads: Number(flags.threads),
    mixedPrecision: precision === 'bf16' ? 'bf16' : 'no',
    cacheDir,
    unet: { ...training, batchSize: Number(flags['unet-batch']) },
    vae: { ...training, batchSize: Number(flags['vae-batch']), cropSizePx: side, wholeShare: 0 },
  };
  return resolvePretrainConfig([{ name: 'the benchmark', values }]);
}

async function ours(network: ModelNetwork, precision: Precision, scratch: string): Promise<Contender> {
  const model = await openModel('doodle');
  const config = configOf(model, precision, scratch);
  const pixels = createRng(0)
    .stream('pixels', 0, 0)
    .uniform(PICTURES * model.resolution ** 2 * 3);
  const bytes = Uint8Array.from(pixels, (value) => value * 256);
  const { step, stats, close } = await benchmarkSteps({
    network,
    config,
    model,
    bytes,
    cache: openCache(scratch),
  });
  let done = 0;
  return {
    name: `likeness, ${flags.mode}, ${precision}`,
    close,
    run: async (steps) => {
      const milliseconds: number[] = [];
      for (let i = 0; i < steps; i++) {
        const start = performance.now();
        await step(done++);
        milliseconds.push(performance.now() - start);
      }
      return { milliseconds, peakRssBytes: (await stats()).peakRssBytes };
    },
  };
}

async function pyTorch(python: string, network: ModelNetwork, precision: Precision): Promise<Contender> {
  const model = await openModel('doodle');
  const side = model.resolution / model.latentCodec.downsampleFactor;
  return pythonContender(python, fileURLToPath(new URL('../../bench/pretrain.py', import.meta.url)), {
    model: modelDir,
    network,
    precision,
    threads: Number(flags.threads),
    rows: Number(flags[network === 'unet' ? 'unet-batch' : 'vae-batch']),
    side: Number(flags['vae-crop']),
    tokens: model.textEncoder.maxLength,
    latentShape: [side, side, model.noisePredictor.latentChannels],
  });
}

async function main(): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  print(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} logical cores, ${flags.threads} threads, load ${load()}`,
  );
  const python = findPython(flags.python, 'torch, diffusers');
  if (python === undefined) print(PYTHON_HINT);
  const scratch = await mkdtemp(join(tmpdir(), 'likeness-bench-'));
  try {
    for (const network of flags.networks.split(',') as ModelNetwork[]) {
      const contenders: Contender[] = [];
      for (const precision of flags.precisions.split(',') as Precision[]) {
        if (python !== undefined) contenders.push(await pyTorch(python, network, precision));
        contenders.push(await ours(network, precision, scratch));
      }
      const rows = Number(flags[network === 'unet' ? 'unet-batch' : 'vae-batch']);
      const kind = network === 'vae' ? `squares of ${flags['vae-crop']} pixels` : 'latents';
      print(`\n${network}: ${rows} ${kind} a step, ${flags.turns} turns of ${flags.steps} steps`);
      const results = await takeTurns(contenders, { turns: Number(flags.turns), steps: Number(flags.steps) });
      for (const { name, milliseconds, firstStepSeconds, peakRssBytes } of results) {
        const rate = (ms: number): string => `${((1000 * rows) / ms).toFixed(1)}/s`;
        const [middle, least] = [median(milliseconds), Math.min(...milliseconds)];
        print(
          `  ${name.padEnd(28)} median ${middle.toFixed(0).padStart(6)} ms ${rate(middle).padStart(8)}   least ${least.toFixed(0).padStart(6)} ms ${rate(least).padStart(8)}   first ${firstStepSeconds.toFixed(1)} s   peak ${Math.round(peakRssBytes / 2 ** 20)} MiB`,
        );
      }
      print(`  load at the end ${load()}`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
