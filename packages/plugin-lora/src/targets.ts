// Which layers get adapters: presets, names and globs over checkpoint paths.
import { ConfigError } from '@likeness/core';
import type { AdaptableLayer, ComponentName } from './layers.ts';

const ATTENTION = {
  // diffusers' train_dreambooth_lora.py
  unet: ['to_q', 'to_k', 'to_v', 'to_out.0'],
  text_encoder: ['q_proj', 'k_proj', 'v_proj', 'out_proj'],
} as const;
const FEED_FORWARD = {
  unet: ['ff.net.0.proj', 'ff.net.2', 'proj_in', 'proj_out'],
  text_encoder: ['fc1', 'fc2'],
} as const;

/**
 * `attn`: queries, keys, values and outputs of all attentions. `attn-mlp`: feed-forward layers and the transformers'
 * projections too, what kohya's tools train. `full`: every linear layer and convolution (LoCon).
 */
export const TARGET_PRESETS = ['attn', 'attn-mlp', 'full'] as const;
type Preset = (typeof TARGET_PRESETS)[number];

const PRESETS: Readonly<Record<Preset, Readonly<Record<ComponentName, readonly string[]>>>> = {
  attn: ATTENTION,
  'attn-mlp': {
    unet: [...ATTENTION.unet, ...FEED_FORWARD.unet],
    text_encoder: [...ATTENTION.text_encoder, ...FEED_FORWARD.text_encoder],
  },
  full: { unet: ['**'], text_encoder: ['**'] },
};

/**
 * Whether a path is meant by a pattern: the whole path, its last parts (`to_q`, `attn1.to_q`), or a glob over the whole
 * path in which `*` stands for anything but a dot and `**` for anything.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  if (!pattern.includes('*')) return path === pattern || path.endsWith(`.${pattern}`);
  const source = pattern
    .split('**')
    .map((part) => part.split('*').map(escaped).join('[^.]*'))
    .join('.*');
  return new RegExp(`^${source}$`).test(path);
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`);

/**
 * The layers of all components that any of the targets means.
 * @throws ConfigError naming every target that means no layer of any component
 */
export function layersMeant(
  layers: readonly AdaptableLayer[],
  targets: readonly string[],
  where: string,
): AdaptableLayer[] {
  const idle = targets.filter((target) => !layers.some((layer) => means(layer, target)));
  if (idle.length > 0) throw meansNothing('model', idle, layers, where);
  return layers.filter((layer) => targets.some((target) => means(layer, target)));
}

/**
 * The layers of a component that any of the targets means.
 * @throws ConfigError naming every target that means no layer
 */
export function selectLayers(
  layers: readonly AdaptableLayer[],
  component: ComponentName,
  targets: readonly string[],
  where: string,
): AdaptableLayer[] {
  const own = layers.filter((layer) => layer.component === component);
  const idle = targets.filter((target) => !own.some((layer) => means(layer, target)));
  if (idle.length > 0) throw meansNothing(component, idle, own, where);
  return own.filter((layer) => targets.some((target) => means(layer, target)));
}

function means({ component, path }: AdaptableLayer, target: string): boolean {
  const preset = (PRESETS as Record<string, (typeof PRESETS)[Preset] | undefined>)[target];
  return (preset?.[component] ?? [target]).some((pattern) => matchesPattern(path, pattern));
}

const meansNothing = (
  what: string,
  idle: readonly string[],
  layers: readonly AdaptableLayer[],
  where: string,
): ConfigError =>
  new ConfigError(`targets that name no layer of the ${what}`, {
    code: 'adapter/no-such-layer',
    where,
    expected: `${TARGET_PRESETS.join(', ')}, the end of a layer's path (to_q), or a glob (up_blocks.**.to_*)`,
    got: idle.join(', '),
    hint: `its layers: ${layers
      .map(({ path }) => path)
      .slice(0, 6)
      .join(', ')}, …`,
  });
