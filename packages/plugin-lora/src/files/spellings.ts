// How the tools spell a layer and its parts. One table for reading; the writers of `dialects.ts` use rows of it.
//
// Names of modules with underscores cannot be told apart from dots again, so paths are never parsed: every spelling of
// every layer of the model is written down, and keys are looked up.
import type { AdaptableLayer } from '../layers.ts';
import { sgmPaths } from './sgmPaths.ts';

/** Ends of keys and the part they hold; the first that fits counts. */
export const PART_SUFFIXES: readonly (readonly [suffix: string, part: string])[] = [
  ...both(['.lora_A.weight', '.lora_B.weight']), // PEFT, diffusers
  ...both(['.lora_A.default.weight', '.lora_B.default.weight']), // PEFT in memory
  ...both(['.lora.down.weight', '.lora.up.weight']), // diffusers' writer for Stable Diffusion
  ...both(['_lora.down.weight', '_lora.up.weight']), // diffusers' oldest, behind `processor.to_q`
  ...both(['.lora_linear_layer.down.weight', '.lora_linear_layer.up.weight']), // diffusers, text encoder
  ...both(['.lora_down.weight', '.lora_up.weight']), // kohya
  ...both(['.lora_A', '.lora_B']), // what ComfyUI accepts, too
  ['.lora_mid.weight', 'mid'],
  ['.alpha', 'alpha'],
  ['.dora_scale', 'dora_scale'], // LyCORIS
  ['.lora_magnitude_vector.default.weight', 'magnitude'],
  ['.lora_magnitude_vector.weight', 'magnitude'],
  ['.lora_magnitude_vector', 'magnitude'], // PEFT, diffusers
  ...['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b', 'hada_t1', 'hada_t2'].map(named),
  ...['lokr_w1', 'lokr_w1_a', 'lokr_w1_b', 'lokr_w2', 'lokr_w2_a', 'lokr_w2_b', 'lokr_t2'].map(named),
];

function both([down, up]: readonly [string, string]): [string, string][] {
  return [
    [down, 'down'],
    [up, 'up'],
  ];
}

function named(part: string): [string, string] {
  return [`.${part}`, part];
}

/** A key as the module it belongs to and the part it holds. */
export function splitKey(key: string): { module: string; part: string } | undefined {
  for (const [suffix, part] of PART_SUFFIXES) {
    if (key.endsWith(suffix)) return { module: key.slice(0, -suffix.length), part };
  }
  return undefined;
}

const underscored = (path: string): string => path.replaceAll('.', '_');
/** diffusers' kohya converter leaves two dots in every key: one is in the path where the part has no `.weight` (DoRA). */
const halfUnderscored = (path: string): string => path.replace(/\.(?=.*\.)/g, '_');
/** transformers ≥ 5.6 has no such level in memory; published files do. */
export const withoutTextModel = (path: string): string => path.replace(/^text_model\./, '');

/** Every spelling of every layer. */
export function spellingsOf(layers: readonly AdaptableLayer[]): Map<string, AdaptableLayer> {
  const sgm = sgmPaths(layers);
  const spellings = new Map<string, AdaptableLayer>();
  for (const layer of layers) {
    for (const name of layer.component === 'unet' ? ofUNet(layer, sgm) : ofTextEncoder(layer)) {
      if (!spellings.has(name)) spellings.set(name, layer);
    }
  }
  return spellings;
}

function ofUNet({ path }: AdaptableLayer, sgm: ReadonlyMap<string, string>): string[] {
  const processor = path.replace(/\.to_out\.0$/, '.to_out').replace(/\.(to_[a-z]+)$/, '.processor.$1');
  const original = sgm.get(path);
  return [
    `unet.${path}`,
    `unet.${processor}`,
    `lora_unet_${underscored(path)}`,
    `lora_unet_${halfUnderscored(path)}`,
    `lycoris_${underscored(path)}`, // SimpleTuner
    `base_model.model.${path}`,
    path,
    processor,
    // diffusers' kohya converter, of keys without the component
    underscored(path),
    halfUnderscored(path),
    ...(original === undefined
      ? []
      : [
          `lora_unet_${underscored(original)}`,
          `diffusion_model.${original}`,
          `lora_unet_${underscored(`diffusion_model.${original}`)}`,
        ]),
  ];
}

function ofTextEncoder({ path }: AdaptableLayer): string[] {
  return [path, withoutTextModel(path)].flatMap((name) => [
    `text_encoder.${name}`,
    `lora_te_${underscored(name)}`,
    `lora_te1_${underscored(name)}`,
    `lora_te1_${halfUnderscored(name)}`,
    `base_model.model.${name}`,
    name,
    underscored(name),
    halfUnderscored(name),
  ]);
}
