// Forward passes of the three networks against a folder of reference numbers: outputs, and every submodule's
// activation. The folder's format: fixtures/README.md, `<model>-forward/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile, defineFunction, float32, int32, type Tensor, type TypedData } from '@likeness/engine';
import { z } from 'zod';
import { pooledPosition } from '../clip.ts';
import type { ClipTextConfig } from '../clipConfig.ts';
import type { Probe } from '../layers.ts';
import { compareArrays, notCovered, type Comparison } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ParityModel, ParityRuntime } from './parityModel.ts';
import { withRounding } from './rounding.ts';
import { toChannelsFirst, toChannelsLast } from './pixelLayout.ts';

type Tensors = Map<string, FixtureTensor>;
/** Results by the reference's names, channels last. */
type Results = Map<string, TypedData>;

const description = z.object({
  clip_skip: z.int().nonnegative().default(0),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  fp32_vs_fp64_max_abs: z.record(z.string(), z.number()).default({}),
});
type Description = z.infer<typeof description>;

/** All comparisons of a `<model>-forward` folder. */
export async function* checkForward(
  folder: string,
  model: ParityModel,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const described = description.parse(JSON.parse(await readFile(join(folder, 'forward.json'), 'utf8')));
  const read = (name: string): Promise<Tensors> => readFixture(join(folder, `${name}.safetensors`));
  const [inputs, outputs, activations] = await Promise.all([
    read('inputs'),
    read('outputs'),
    read('activations'),
  ]);
  const input = (name: string): FixtureTensor =>
    fixtureTensor(inputs, name, join(folder, 'inputs.safetensors'));

  const text = await runTextEncoder(model, runtime, input('text.input_ids'), described.clip_skip);
  yield* compareAll('text.', outputs, text, described);
  const vae = await runAutoencoder(model, runtime, input);
  yield* compareAll('vae.', outputs, vae.outputs, described);
  const unet = await runUNet(model, runtime, inputs, input);
  yield* compareAll('unet.', outputs, unet.outputs, described);

  const seen: Results = new Map([...vae.activations, ...unet.activations]);
  yield* compareAll('', activations, seen, described, 'activations/');
}

/** Compares the reference's tensors whose names start with `prefix`. */
function* compareAll(
  prefix: string,
  wanted: Tensors,
  results: Results,
  { tolerance, fp32_vs_fp64_max_abs: rounding }: Description,
  label = '',
): Iterable<Comparison> {
  for (const [name, { data, shape }] of wanted) {
    if (!name.startsWith(prefix)) continue;
    const result = results.get(name);
    if (result === undefined) {
      yield notCovered(`${label}${name}`, 'not an output that is compared');
      continue;
    }
    // Activations are kept for the first batch item only: the start of ours.
    const got = result.subarray(0, data.length);
    const bound = withRounding(tolerance, rounding[name]);
    yield compareArrays(
      `${label}${name}`,
      shape.length === 4 ? toChannelsFirst(got, shape) : got,
      data,
      bound,
    );
  }
}

async function runTextEncoder(
  { networks: { textEncoder }, load }: ParityModel,
  { engine, mode }: ParityRuntime,
  ids: FixtureTensor,
  clipSkip: number,
): Promise<Results> {
  const { parameters, forward, config } = textEncoder;
  const encode = defineFunction({ ids: int32(...ids.shape) }, (inputs) => {
    const { hiddenStates, lastHiddenState, skipping } = forward(parameters, inputs.ids);
    const all = Object.fromEntries(hiddenStates.map((state, i) => [`hidden_states.${i}`, state]));
    return { ...all, last_hidden_state: lastHiddenState, clip_skip: skipping(clipSkip) } as Record<
      string,
      Tensor
    >;
  });
  const program = await compile({ encode }, { engine, mode });
  await load(program);
  const results = await program.run('encode', { ids: Int32Array.from(ids.data) });
  await program.dispose();
  const last = results['last_hidden_state'] ?? new Float32Array();
  const named = new Map(Object.entries(results).map(([key, value]) => [`text.${key}`, value]));
  return named.set('text.pooler_output', pool(last, ids, config));
}

/** The state at each prompt's end. */
function pool(
  states: TypedData,
  { shape: [batch = 0, tokens = 0], data: ids }: FixtureTensor,
  config: ClipTextConfig,
): Float32Array {
  const width = states.length / (batch * tokens);
  const pooled = new Float32Array(batch * width);
  for (let i = 0; i < batch; i++) {
    const start = (i * tokens + pooledPosition(ids.subarray(i * tokens, (i + 1) * tokens), config)) * width;
    pooled.set(states.subarray(start, start + width), i * width);
  }
  return pooled;
}

interface Outputs {
  readonly outputs: Results;
  readonly activations: Results;
}

async function runAutoencoder(
  { networks: { vae }, load }: ParityModel,
  { engine, mode }: ParityRuntime,
  input: (name: string) => FixtureTensor,
): Promise<Outputs> {
  const { parameters, forward, config } = vae;
  const [image, noise, latents] = [
    input('vae.image'),
    input('vae.sample_noise'),
    input('vae.latents_to_decode'),
  ];
  const encode = defineFunction({ pixels: channelsLast(image) }, ({ pixels }) => {
    const { probe, activations } = collect('vae.');
    const { mean, logvar } = forward.encode(parameters, pixels, probe);
    return { ...activations, 'vae.mean': mean, 'vae.logvar': logvar } as Record<string, Tensor>;
  });
  const decode = defineFunction({ latents: channelsLast(latents) }, (inputs) => {
    const { probe, activations } = collect('vae.');
    const decoded = forward.decode(parameters, inputs.latents, probe);
    return { ...activations, 'vae.decoded': decoded } as Record<string, Tensor>;
  });
  const program = await compile({ encode, decode }, { engine, mode });
  await load(program);
  const encoded = await program.run('encode', { pixels: toChannelsLast(image.data, image.shape) });
  const unscaled = toChannelsLast(latents.data, latents.shape).map(
    (value) => value / Math.fround(config.scalingFactor),
  );
  const decoded = await program.run('decode', { latents: unscaled });
  await program.dispose();

  const activations = new Map([...Object.entries(encoded), ...Object.entries(decoded)]);
  const mean = activations.get('vae.mean') ?? new Float32Array();
  const std = Float32Array.from(activations.get('vae.logvar') ?? [], (logvar) => Math.exp(0.5 * logvar));
  const standardNormal = toChannelsLast(noise.data, noise.shape);
  const sample = std.map((deviation, i) => (mean[i] ?? NaN) + deviation * (standardNormal[i] ?? NaN));
  const outputs: Results = new Map(activations);
  outputs.set('vae.std', std);
  outputs.set('vae.sample', sample);
  outputs.set(
    'vae.latents',
    sample.map((value) => value * config.scalingFactor),
  );
  return { outputs, activations };
}

async function runUNet(
  { networks: { unet }, load }: ParityModel,
  { engine, mode }: ParityRuntime,
  inputs: Tensors,
  input: (name: string) => FixtureTensor,
): Promise<Outputs> {
  const [sample, text] = [input('unet.sample'), input('unet.encoder_hidden_states')];
  const [batch = 1] = sample.shape;
  const predict = defineFunction(
    { latents: channelsLast(sample), timesteps: float32(batch), text: float32(...text.shape) },
    (given) => {
      const { probe, activations } = collect('unet.');
      const out = unet.forward(unet.parameters, given.latents, given.timesteps, given.text, probe);
      return { ...activations, out } as Record<string, Tensor>;
    },
  );
  const program = await compile({ predict }, { engine, mode });
  await load(program);
  const latents = toChannelsLast(sample.data, sample.shape);
  const outputs: Results = new Map();
  let activations: Results = new Map();
  for (const [name, timesteps] of inputs) {
    const index = /^unet\.timesteps(\d+)$/.exec(name)?.[1];
    if (index === undefined) continue;
    const { out, ...seen } = await program.run('predict', {
      latents,
      timesteps: Float32Array.from(timesteps.data),
      text: Float32Array.from(text.data),
    });
    if (out) outputs.set(`unet.out${index}`, out);
    // The reference looks inside during the first pass only.
    if (index === '0') activations = new Map(Object.entries(seen));
  }
  await program.dispose();
  return { outputs, activations };
}

/** A probe that keeps what it is shown, by the reference's names. */
function collect(prefix: string): { probe: Probe; activations: Record<string, Tensor> } {
  const activations: Record<string, Tensor> = {};
  const probe: Probe = (path, output) => {
    activations[prefix + path] = output;
  };
  return { probe, activations };
}

function channelsLast({ shape: [batch = 1, channels = 1, height = 1, width = 1] }: FixtureTensor) {
  return float32(batch, height, width, channels);
}
