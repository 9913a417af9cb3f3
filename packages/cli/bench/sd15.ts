// `npm run bench -- sd15`: one training step of Stable Diffusion 1.5's UNet (860 M parameters, AdamW, clipping) at its
// real size: seconds a step, peak memory, and what `--dry-run` would have said of it.
//
//   npm run bench -- sd15 [--method dreambooth|dreambooth+ppl|lora|lora+ppl] [--resolution 512] [--batch 1] [--steps 2]
//     [--precision bf16|fp32] [--storage float32|bfloat16] [--no-checkpointing]
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compile, defaultThreads, startEngine } from '@likeness/engine';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { lora } from '@likeness/plugin-lora';
import { estimateRun } from '../src/run/estimate.ts';
import { prepareStep, rowsOf } from './step/preparedStep.ts';
import { madeUpWeights, sd15Model } from './step/sd15Model.ts';

const METHODS = { dreambooth, ppl, lora } as const;

const { values: flags } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    method: { type: 'string', default: 'dreambooth' },
    resolution: { type: 'string', default: '512' },
    batch: { type: 'string', default: '1' },
    steps: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'bf16' },
    storage: { type: 'string', default: 'float32' },
    'no-checkpointing': { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const methods = flags.method.split('+').map((name) => {
  if (name in METHODS) return METHODS[name as keyof typeof METHODS];
  throw new Error(`--method ${name}: expected ${Object.keys(METHODS).join(', ')}, joined by +`);
});
const precision = flags.precision === 'fp32' ? 'fp32' : 'bf16';
const gradientCheckpointing = !flags['no-checkpointing'];
const threads = defaultThreads();
const model = await sd15Model(flags.storage === 'bfloat16' ? 'bfloat16' : 'float32');
const step = await prepareStep(model, methods, {
  resolution: Number(flags.resolution),
  trainBatchSize: Number(flags.batch),
  mixedPrecision: precision,
  gradientCheckpointing,
});
const estimate = await estimateRun({ ...step, warnings: [] });

say(
  `${flags.method}: ${(estimate.trainedParameters / 1e6).toFixed(2)} M parameters train, ${flags.resolution} pixels, ${rowsOf(step.options)} pictures`,
);
say(
  `${precision}, weights in ${flags.storage}, gradient checkpointing ${gradientCheckpointing ? 'on' : 'off'}; ${cpus()[0]?.model ?? ''}, ${threads} threads`,
);
say(`estimated: ${gibibytes(estimate.memoryBytes)}, ${estimate.secondsPerStep.toFixed(0)} s/step`);

const engine = await startEngine({ threads });
/** Both processes: what the machine must have. */
const memory = async (): Promise<string> => {
  const { rssBytes, peakRssBytes } = await engine.stats();
  const own = process.resourceUsage().maxRSS * 1024;
  return `engine ${gibibytes(rssBytes)} now, ${gibibytes(peakRssBytes)} at most; with this process ${gibibytes(peakRssBytes + own)}`;
};
const program = await compile(step.functions, { engine, mode: 'xla', precision, gradientCheckpointing });
say(`traced ${program.facts.nodes} nodes in ${program.facts.traceSeconds.toFixed(1)} s`);
for (const entry of [...madeUpWeights(model), ...step.initialValues]) await program.write(new Map([entry]));
say(`weights and optimizer state in place: ${await memory()}`);
const trainer = step.trainer(program);
for (let i = 0; i <= Number(flags.steps); i++) {
  const start = performance.now();
  const { loss } = await trainer.step(i);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(
    `${i === 0 ? 'compiled, first step' : `step ${i}`}: ${seconds} s, loss ${loss.toFixed(4)}, ${await memory()}`,
  );
}
await engine.close();
