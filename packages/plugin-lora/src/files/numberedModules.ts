// cloneofsimo's first LoRA files number modules (`unet:0:up`) in the order in which torch finds them, so the order of
// diffusers' and transformers' classes is written down here. Reference: lora_diffusion/lora.py, `_find_modules`.
import { WeightsError, type TensorEntry } from '@likeness/core';
import { sizesOf, type AdaptableLayer, type ComponentName } from '../layers.ts';

const KEY = /^(unet|text_encoder):(\d+):(up|down)$/;
const ATTENTION = ['to_q', 'to_k', 'to_v', 'to_out.0'];
const FEED_FORWARD = ['ff.net.0.proj'];
/** Layers inside a transformer block: the order of today's diffusers and that of 2022. */
const BLOCK_ORDERS = [
  [...inAttention('attn1'), ...inAttention('attn2'), ...FEED_FORWARD],
  [...inAttention('attn1'), ...FEED_FORWARD, ...inAttention('attn2')],
];
/** CLIPAttention makes its projections in this order. */
const TEXT_ORDER = ['k_proj', 'v_proj', 'q_proj', 'out_proj'];
/** diffusers assigns the middle last. */
const SIDES = ['down_blocks', 'up_blocks', 'mid_block'];

function inAttention(name: string): string[] {
  return ATTENTION.map((layer) => `${name}.${layer}`);
}

export interface Place {
  readonly layer: AdaptableLayer;
  readonly part: string;
}

/**
 * Places of all numbered keys.
 * @throws WeightsError when no known order of modules fits their shapes
 */
export function numberedModules(
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
  layers: readonly AdaptableLayer[],
): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  for (const component of ['unet', 'text_encoder'] as const) {
    const own = [...tensors.values()].filter(({ name }) => KEY.exec(name)?.[1] === component);
    if (own.length === 0) continue;
    const order = ordersOf(component, layers, metadata).find((candidate) => fits(candidate, own));
    if (order === undefined) {
      throw new WeightsError('numbered modules whose order cannot be told', {
        code: 'adapter/unknown-order',
        where: own[0]?.file ?? component,
        expected: 'the attention layers (CrossAttention, Attention, GEGLU; CLIPAttention)',
        got: metadata[component] ?? 'no list of classes in the metadata',
        hint: 'write the file again with named keys (kohya or diffusers)',
      });
    }
    for (const { name } of own) {
      const [, , index = '', part = ''] = KEY.exec(name) ?? [];
      const layer = order[Number(index)];
      if (layer) places.set(name, { layer, part });
    }
  }
  return places;
}

function ordersOf(
  component: ComponentName,
  layers: readonly AdaptableLayer[],
  metadata: Readonly<Record<string, string>>,
): AdaptableLayer[][] {
  const own = layers.filter((layer) => layer.component === component);
  const sorted = (names: readonly string[]): AdaptableLayer[] => {
    const ranked = own.flatMap((layer) => {
      const at = names.findIndex((name) => layer.path.endsWith(`.${name}`));
      return at < 0 ? [] : [{ layer, at, parent: layer.path.slice(0, -((names[at]?.length ?? 0) + 1)) }];
    });
    return ranked.sort((a, b) => comparePaths(a.parent, b.parent) || a.at - b.at).map(({ layer }) => layer);
  };
  if (component === 'text_encoder') return [sorted(TEXT_ORDER)];
  const classes = metadata['unet'] ?? '"GEGLU"';
  const names = BLOCK_ORDERS.map((order) =>
    classes.includes('GEGLU') ? order : order.filter((name) => !FEED_FORWARD.includes(name)),
  );
  return names.map(sorted);
}

/** By side of the UNet, then by number at every level. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x = '', y = ''] = [left[i], right[i]];
    if (x === y) continue;
    const order = SIDES.indexOf(x) - SIDES.indexOf(y);
    return order !== 0 ? order : Number(x) - Number(y) || x.localeCompare(y);
  }
  return 0;
}

function fits(order: readonly AdaptableLayer[], tensors: readonly TensorEntry[]): boolean {
  return tensors.every(({ name, shape: [rows, columns] }) => {
    const [, , index, part] = KEY.exec(name) ?? [];
    const layer = order[Number(index)];
    if (layer === undefined) return false;
    const { out, inputs } = sizesOf(layer);
    return part === 'up' ? rows === out : columns === inputs;
  });
}
