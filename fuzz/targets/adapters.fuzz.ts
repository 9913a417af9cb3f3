// Files of adapters: header, keys, settings beside them, what is read of the numbers.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensorsHeader, type TensorSource } from '../../packages/engine/src/safetensors/index.ts';
import type { RandomStream } from '../../packages/engine/src/random/index.ts';
import { readAdapters } from '../../packages/plugin-lora/src/files/readAdapters.ts';
import { peftConfig } from '../../packages/plugin-lora/src/files/peftConfig.ts';
import { runOfHeader } from '../../packages/plugin-lora/src/files/namedModel.ts';
import type { AdaptableLayer } from '../../packages/plugin-lora/src/layers.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateJson, mutateJsonText, mutateText, oneOf } from '../mutate.ts';

const block = 'down_blocks.0.attentions.0.transformer_blocks.0';
const layers: readonly AdaptableLayer[] = [
  { component: 'unet', path: `${block}.attn1.to_q`, kind: 'linear', shape: [6, 4] },
  { component: 'unet', path: `${block}.attn2.to_k`, kind: 'linear', shape: [6, 8] },
  { component: 'unet', path: 'down_blocks.0.resnets.0.conv1', kind: 'conv2d', shape: [6, 4, 3, 3] },
  { component: 'text_encoder', path: 'text_model.encoder.layers.0.mlp.fc1', kind: 'linear', shape: [6, 4] },
];
const [query, , conv] = layers as [AdaptableLayer, AdaptableLayer, AdaptableLayer];
const kohya = (path: string): string => `lora_unet_${path.replaceAll('.', '_')}`;

type Shapes = Readonly<Record<string, readonly number[]>>;
const FILES: readonly Shapes[] = [
  { [`unet.${query.path}.lora_A.weight`]: [2, 4], [`unet.${query.path}.lora_B.weight`]: [6, 2] },
  {
    [`base_model.model.${query.path}.lora_A.weight`]: [2, 4],
    [`base_model.model.${query.path}.lora_B.weight`]: [6, 2],
    [`base_model.model.${query.path}.lora_magnitude_vector`]: [6],
  },
  {
    [`${kohya(conv.path)}.alpha`]: [],
    [`${kohya(conv.path)}.lora_down.weight`]: [2, 4, 1, 1],
    [`${kohya(conv.path)}.lora_mid.weight`]: [2, 2, 3, 3],
    [`${kohya(conv.path)}.lora_up.weight`]: [6, 2, 1, 1],
    'bundle_emb.<cat>.clip_l': [2, 4],
  },
  {
    [`${kohya(query.path)}.hada_w1_a`]: [6, 2],
    [`${kohya(query.path)}.hada_w1_b`]: [2, 4],
    [`${kohya(query.path)}.hada_w2_a`]: [6, 2],
    [`${kohya(query.path)}.hada_w2_b`]: [2, 4],
    [`${kohya(query.path)}.dora_scale`]: [6, 1],
  },
  {
    [`${kohya(query.path)}.lokr_w1`]: [2, 2],
    [`${kohya(query.path)}.lokr_w2_a`]: [3, 2],
    [`${kohya(query.path)}.lokr_w2_b`]: [2, 2],
    [`${kohya(query.path)}.alpha`]: [],
  },
  { 'unet:0:down': [2, 4], 'unet:0:up': [6, 2] },
];
const SETTINGS = { r: 2, lora_alpha: 4, alpha_pattern: { to_q: 8 }, rank_pattern: {}, use_rslora: false };
const prefixed = Object.fromEntries(Object.entries(SETTINGS).map(([key, value]) => [`unet.${key}`, value]));
const TYPES = ['F32', 'F16', 'BF16', 'F64', 'I64', 'I8', 'U8', 'BOOL', 'F8_E4M3', 'F8_E5M2', 'C64'] as const;
const SIZES = [0, 1, 2, 3, 4, 6, 8, 9, 64];
const KEYS = [
  'unet.nowhere.lora_A.weight',
  'lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight',
  `${kohya(query.path)}.oft_blocks`,
  'emb_params',
  '__proto__.alpha',
  'constructor.lora_A.weight',
  '\u001b[2J.alpha',
  'bundle_emb.sks.clip_g',
];

/** One of the files with keys, shapes and types changed here and there. */
function tensorsOf(random: RandomStream): TensorSource[] {
  const names = new Set<string>();
  return Object.entries(oneOf(random, FILES)).flatMap(([key, shape]) => {
    if (below(random, 12) === 0) return [];
    const name =
      below(random, 10) === 0
        ? oneOf(random, KEYS)
        : below(random, 10) === 0
          ? mutateText(random, key).replaceAll('\0', '')
          : key;
    const sizes =
      below(random, 8) === 0 ? shape.map(() => oneOf(random, SIZES)).slice(below(random, 2)) : [...shape];
    if (below(random, 20) === 0) sizes.push(1);
    if (names.has(name)) return [];
    names.add(name);
    const dtype = below(random, 5) === 0 ? oneOf(random, TYPES) : 'F32';
    return [{ name, dtype, shape: sizes, data: () => new Uint8Array() }];
  });
}

function metadataOf(random: RandomStream): Record<string, string> {
  const damaged = below(random, 2) === 0;
  const text = (value: unknown): string =>
    damaged ? mutateJsonText(random, value) : JSON.stringify(mutateJson(random, value) ?? null);
  return {
    ...(below(random, 3) === 0
      ? { lora_adapter_metadata: text(below(random, 2) === 0 ? SETTINGS : prefixed) }
      : {}),
    ...(below(random, 3) === 0 ? { likeness: text({ pretrainedModel: 'doodle' }) } : {}),
    ...(below(random, 4) === 0 ? { ss_base_model_version: mutateText(random, 'sd_v1') } : {}),
    ...(below(random, 4) === 0 ? { unet: mutateText(random, '["GEGLU"]') } : {}),
  };
}

fuzz('adapters', {
  about: 'files of adapters and their settings',
  open: (folder) => {
    const path = join(folder, 'adapter_model.safetensors');
    const beside = join(folder, 'adapter_config.json');
    return async (random) => {
      const tensors = tensorsOf(random);
      const metadata = metadataOf(random);
      const header = encodeSafetensorsHeader(tensors, metadata, path);
      const bytes = Buffer.alloc(header.length + lengthOf(header), below(random, 4) === 0 ? 0xff : 0x3c);
      header.copy(bytes);
      await writeFile(path, bytes);
      const whole = { peft_type: 'LORA', ...SETTINGS };
      const settings = below(random, 3) === 0 ? mutateJsonText(random, whole) : JSON.stringify(whole);
      await writeFile(beside, settings);
      runOfHeader(metadata);
      const { adapters } = await readAdapters(path, layers);
      // What was read can be written again.
      peftConfig(
        adapters.map((adapter) => ({ ...adapter, rank: adapter.rank ?? 1 })),
        layers,
      );
    };
  },
});

/** Bytes of data that a header promises. */
function lengthOf(header: Buffer): number {
  const entries = JSON.parse(header.subarray(8).toString()) as Record<
    string,
    { data_offsets?: [number, number] }
  >;
  return Math.max(0, ...Object.values(entries).map(({ data_offsets: offsets }) => offsets?.[1] ?? 0));
}
