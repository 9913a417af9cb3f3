// The header of kohya's files: `ss_*` says how it was trained, `modelspec.*` what it is. Everything is text, and nothing
// is taken from a clock: equal runs write equal files. Names: kohya sd-scripts, train_network.py and sai_model_spec.py.
import { createHash } from 'node:crypto';
import type { DiffusionModel } from '@likeness/core';
import { alphaOf, type WrittenAdapter } from './dialects.ts';
import { runOfHeader } from './namedModel.ts';

/** Width of the text states of Stable Diffusion 2.x. */
const WIDTH_OF_VERSION_2 = 1024;

/** The run as its portable config tells it; see `ExportOptions.metadata`. */
export type RunSettings = Readonly<Record<string, unknown>>;

/** `ss_*`: what is known of the training; without a run, what its tools need to build the network. */
export function trainingMetadata(
  adapters: readonly WrittenAdapter[],
  model: DiffusionModel,
  run: RunSettings,
): Record<string, string> {
  const all = allOfTraining(adapters, model, run);
  if (Object.keys(run).length > 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => KNOWN_WITHOUT_RUN.has(key)));
}

const KNOWN_WITHOUT_RUN: ReadonlySet<string> = new Set([
  'ss_network_module',
  'ss_network_dim',
  'ss_network_alpha',
  'ss_network_args',
  'ss_v2',
  'ss_base_model_version',
]);

function allOfTraining(
  adapters: readonly WrittenAdapter[],
  model: DiffusionModel,
  run: RunSettings,
): Record<string, string> {
  const ofPlugin = record(record(run['pluginOptions'])['lora']);
  const ofPpl = record(record(run['pluginOptions'])['ppl']);
  const ranks = adapters.map(({ rank }) => rank);
  const side = sideOf(model, run);
  const trainsText = adapters.some(({ layer }) => layer.component === 'text_encoder');
  const plain = adapters.every(({ method, magnitude }) => method.name === 'lora' && magnitude === undefined);
  const byName: Record<string, unknown> = {
    ss_session_id: sessionId(run),
    ss_output_name: 'lora',
    ss_network_module: plain ? 'networks.lora' : 'lycoris.kohya',
    ss_network_dim: Math.max(...ranks),
    ss_network_alpha: Math.max(...adapters.map(alphaOf)),
    ss_network_dropout: ofPlugin['dropout'] === 0 ? null : (ofPlugin['dropout'] ?? null),
    ss_network_args: JSON.stringify({ ...networkArgs(adapters), ...dropoutArgs(ofPlugin) }),
    ss_learning_rate: run['learningRate'],
    ss_unet_lr: run['learningRate'],
    ss_text_encoder_lr: trainsText ? ofPlugin['textEncoderLearningRate'] : null,
    ss_max_train_steps: run['maxTrainSteps'],
    ss_gradient_checkpointing: run['gradientCheckpointing'],
    ss_gradient_accumulation_steps: run['gradientAccumulationSteps'],
    ss_batch_size_per_device: run['trainBatchSize'],
    ss_total_batch_size: run['trainBatchSize'],
    ss_resolution: `(${side}, ${side})`,
    ss_lr_scheduler: run['lrScheduler'],
    ss_lr_warmup_steps: run['lrWarmupSteps'],
    ss_optimizer: run['optimizer'],
    ss_max_grad_norm: run['maxGradNorm'],
    ss_mixed_precision: run['mixedPrecision'],
    ss_full_fp16: false,
    ss_v2: isVersion2(model),
    ss_base_model_version: baseModelVersion(model),
    ss_sd_model_name: run['pretrainedModel'],
    ss_clip_skip: null,
    ss_max_token_length: null,
    ss_cache_latents: true,
    ss_seed: run['seed'],
    ss_lowram: false,
    ss_noise_offset: run['noiseOffset'] === 0 ? null : run['noiseOffset'],
    ss_min_snr_gamma: run['snrGamma'] ?? null,
    ss_num_reg_images: ofPpl['target'] === 'frozen' ? 0 : (ofPpl['numClassImages'] ?? 0),
    ss_prior_loss_weight: ofPpl['priorLossWeight'] ?? 1,
    ss_loss_type: 'l2',
    // Trap: kohya takes one mean over the mixed batch, so its weight is another number.
    ss_training_comment: 'the prior loss is a mean of its own, as in the DreamBooth paper',
  };
  return Object.fromEntries(
    Object.entries(byName).flatMap(([key, value]) => (value === undefined ? [] : [[key, pythonText(value)]])),
  );
}

/** `modelspec.*`, sai_model_spec 1.0.1. @param dataHash sha256 over the tensors' bytes, hex */
export function modelSpec(model: DiffusionModel, run: RunSettings, dataHash: string): Record<string, string> {
  const prompts = record(run['prompts']);
  const trigger = [prompts['identifier'], prompts['classNoun']]
    .filter((word) => typeof word === 'string')
    .join(' ');
  const side = sideOf(model, run);
  return {
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': `${isVersion2(model) ? `stable-diffusion-v2-${predictsV(model) ? '768-v' : '512'}` : 'stable-diffusion-v1'}/lora`,
    'modelspec.implementation': 'https://github.com/Stability-AI/generative-models',
    'modelspec.title': trigger === '' ? 'lora' : trigger,
    'modelspec.resolution': `${side}x${side}`,
    'modelspec.prediction_type': predictsV(model) ? 'v' : 'epsilon',
    ...(trigger === '' ? {} : { 'modelspec.trigger_phrase': trigger }),
    'modelspec.hash_sha256': `0x${dataHash}`,
  };
}

const sideOf = (model: DiffusionModel, { resolution }: RunSettings): number =>
  typeof resolution === 'number' ? resolution : model.resolution;
const predictsV = ({ noiseSchedule }: DiffusionModel): boolean =>
  noiseSchedule.predictionType === 'v_prediction';
const isVersion2 = ({ textEncoder }: DiffusionModel): boolean =>
  textEncoder.hiddenSize === WIDTH_OF_VERSION_2;
const baseModelVersion = (model: DiffusionModel): string =>
  isVersion2(model) ? (predictsV(model) ? 'sd_v2_v' : 'sd_v2') : 'sd_v1';

/** What LyCORIS needs to build the modules again; nothing for plain LoRA. */
function networkArgs(adapters: readonly WrittenAdapter[]): Record<string, string> {
  const [first] = adapters;
  const conv = adapters.find(({ layer }) => (layer.shape[2] ?? 1) > 1);
  return {
    ...(first && first.method.name !== 'lora' ? { algo: first.method.name } : {}),
    ...(adapters.some(({ magnitude }) => magnitude) ? { dora_wd: 'True' } : {}),
    ...(conv ? { conv_dim: String(conv.rank), conv_alpha: String(alphaOf(conv)) } : {}),
  };
}

/** What kohya and LyCORIS call the other two. */
function dropoutArgs({ rankDropout, moduleDropout }: Record<string, unknown>): Record<string, string> {
  const named = { rank_dropout: rankDropout, module_dropout: moduleDropout };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, share]) =>
      typeof share === 'number' && share > 0 ? [[name, String(share)]] : [],
    ),
  );
}

/** 32 bits of the settings, where kohya draws them at random. */
function sessionId(run: RunSettings): string {
  return String(createHash('sha256').update(JSON.stringify(run)).digest().readUInt32BE(0));
}

function pythonText(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Hashes of a file as it was, which is another file now. */
const HASHES: ReadonlySet<string> = new Set(['sshs_model_hash', 'sshs_legacy_hash', 'modelspec.hash_sha256']);

/** Metadata by whom they are for; hashes are left out. */
export function splitKohya(metadata: Readonly<Record<string, string>>): {
  readonly run: RunSettings;
  readonly training: Record<string, string>;
  readonly specification: Record<string, string>;
  readonly rest: Record<string, string>;
} {
  const [training, specification, rest]: Record<string, string>[] = [{}, {}, {}];
  for (const [key, value] of Object.entries(metadata)) {
    if (HASHES.has(key)) continue;
    const kind = key.startsWith('ss_') ? training : key.startsWith('modelspec.') ? specification : rest;
    if (kind) kind[key] = value;
  }
  const run: RunSettings = runOfHeader(metadata) ?? {};
  return { run, training: training ?? {}, specification: specification ?? {}, rest: rest ?? {} };
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
