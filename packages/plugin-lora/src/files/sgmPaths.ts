// Names of UNet layers in the original Stable Diffusion release, which kohya's SDXL files use as well.
// Source: diffusers, scripts/convert_diffusers_to_original_stable_diffusion.py, for any number of layers per block.
import type { AdaptableLayer } from '../layers.ts';

const RESNET: Readonly<Record<string, string>> = {
  conv1: 'in_layers.2',
  conv2: 'out_layers.3',
  time_emb_proj: 'emb_layers.1',
  conv_shortcut: 'skip_connection',
};
const OUTSIDE: Readonly<Record<string, string>> = {
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  conv_in: 'input_blocks.0.0',
  conv_out: 'out.2',
};

/** By path in the checkpoint; layers without a counterpart are left out. */
export function sgmPaths(layers: readonly AdaptableLayer[]): Map<string, string> {
  const paths = layers.filter(({ component }) => component === 'unet').map(({ path }) => path);
  const inFirstBlock = paths.flatMap((path) => /^down_blocks\.0\.resnets\.(\d+)\./.exec(path)?.[1] ?? []);
  const perBlock = Math.max(0, ...inFirstBlock.map(Number)) + 1;
  const attentive = new Set(
    paths.flatMap((path) => /^up_blocks\.\d+(?=\.attentions\.)/.exec(path)?.[0] ?? []),
  );
  const named = paths.map((path) => [path, sgmPath(path, perBlock, attentive)] as const);
  return new Map(named.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

function sgmPath(path: string, perBlock: number, attentive: ReadonlySet<string>): string | undefined {
  const outside = OUTSIDE[path];
  if (outside !== undefined) return outside;
  const [, side, block = '', kind, index = '', rest = ''] =
    /^(down|up|mid)_blocks?(?:\.(\d+))?\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$/.exec(
      path,
    ) ?? [];
  const [i, j] = [Number(block), Number(index)];
  const inner = kind === 'resnets' ? RESNET[rest] : rest;
  if (side === undefined || inner === undefined) return undefined;
  if (side === 'mid') return `middle_block.${kind === 'attentions' ? 1 : 2 * j}.${inner}`;
  const row = (perBlock + 1) * i + j;
  if (side === 'down') {
    if (kind === 'downsamplers') return `input_blocks.${(perBlock + 1) * (i + 1)}.0.op`;
    return `input_blocks.${row + 1}.${kind === 'attentions' ? 1 : 0}.${inner}`;
  }
  if (kind === 'upsamplers') {
    const place = attentive.has(`up_blocks.${i}`) ? 2 : 1;
    return `output_blocks.${(perBlock + 1) * i + perBlock}.${place}.${inner}`;
  }
  return `output_blocks.${row}.${kind === 'attentions' ? 1 : 0}.${inner}`;
}
