// `pnpm bench sd15`: one full fine-tuning step of Stable Diffusion 1.5's UNet (860 M parameters, AdamW) at its real
// size: seconds a step and peak memory. Weights are made up, since neither depends on them.
//
//   pnpm bench sd15 [--resolution 512] [--batch 1] [--steps 2] [--precision bf16|fp32] [--no-checkpointing]
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Parameters } from '@likeness/core';
import {
  adamW,
  compile,
  defaultThreads,
  defineFunction,
  float32,
  startEngine,
  tf,
  traceShapes,
  variableInfo,
  type Tensor,
} from '@likeness/engine';
import { createUNet } from '../src/unet.ts';
import { parseUNetConfig } from '../src/unetConfig.ts';

/** `unet/config.json` of Stable Diffusion 1.5. */
const SD15 = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 768,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
};
const TOKENS = 77;
const LATENT_PIXELS = 8;

const { values: flags } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    resolution: { type: 'string', default: '512' },
    batch: { type: 'string', default: '1' },
    steps: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'bf16' },
    'no-checkpointing': { type: 'boolean', default: false },
  },
});
const batch = Number(flags.batch);
const side = Number(flags.resolution) / LATENT_PIXELS;
const threads = defaultThreads();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const parameters = new Parameters({ component: 'unet' });
const unet = createUNet(parseUNetConfig(SD15, 'Stable Diffusion 1.5'));
const predict = (latents: Tensor, timesteps: Tensor, text: Tensor): Tensor =>
  unet(parameters, latents, timesteps, text);
const inputs = {
  latents: float32(batch, side, side, 4),
  noise: float32(batch, side, side, 4),
  timesteps: float32(batch),
  text: float32(batch, TOKENS, SD15.cross_attention_dim),
};
traceShapes(
  defineFunction(inputs, ({ latents, timesteps, text }) => ({ out: predict(latents, timesteps, text) })),
);
const variables = [...parameters.entries().values()].map(({ variable }) => variable);
const optimizer = adamW([{ name: 'unet', variables, weightDecay: 0.01 }]);
const trainStep = defineFunction(
  { ...inputs, learningRate: float32(), biasCorrection1: float32(), biasCorrection2: float32() },
  ({ latents, noise, timesteps, text, learningRate, ...corrections }) => {
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.squaredDifference(predict(latents, timesteps, text), noise)),
      variables,
    );
    const gradients = variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable));
    optimizer.apply([gradients], { learningRates: [learningRate], ...corrections });
    return { loss: value };
  },
);

const numParameters = variables.reduce((sum, { size }) => sum + size, 0);
say(
  `${(numParameters / 1e6).toFixed(0)} M parameters, ${flags.resolution} pixels, batch ${batch}, ${flags.precision}`,
);
say(
  `gradient checkpointing ${flags['no-checkpointing'] ? 'off' : 'on'}; ${cpus()[0]?.model ?? ''}, ${threads} threads`,
);

const engine = await startEngine({ threads });
const memory = async (): Promise<string> => {
  const { rssBytes, peakRssBytes } = await engine.stats();
  return `${(rssBytes / 2 ** 30).toFixed(1)} GiB now, ${(peakRssBytes / 2 ** 30).toFixed(1)} GiB at most`;
};
const program = await compile(
  { trainStep },
  {
    engine,
    mode: 'xla',
    precision: flags.precision === 'fp32' ? 'fp32' : 'bf16',
    gradientCheckpointing: !flags['no-checkpointing'],
  },
);
say(`traced ${program.facts.nodes} nodes in ${program.facts.traceSeconds.toFixed(1)} s`);
for (const variable of variables) {
  const fanIn = variable.size / (variable.shape.at(-1) ?? 1);
  const values = Float32Array.of(variable.rank > 1 ? 0.1 / Math.sqrt(fanIn) : 0.1);
  await program.write(new Map([[variableInfo(variable).name, values]]));
}
say(`weights and optimizer state in place: ${await memory()}`);

const wave = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i));
const feeds = {
  latents: wave(batch * side * side * 4),
  noise: wave(batch * side * side * 4).map((x) => -x),
  timesteps: new Float32Array(batch).fill(500),
  text: wave(batch * TOKENS * SD15.cross_attention_dim),
  learningRate: Float32Array.of(5e-6),
  biasCorrection1: Float32Array.of(0.1),
  biasCorrection2: Float32Array.of(0.001),
};
for (let i = 0; i <= Number(flags.steps); i++) {
  const start = performance.now();
  const { loss } = await program.run('trainStep', feeds);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(
    `${i === 0 ? 'compiled, first step' : `step ${i}`}: ${seconds} s, loss ${loss?.[0]?.toFixed(4)}, ${await memory()}`,
  );
}
await engine.close();
