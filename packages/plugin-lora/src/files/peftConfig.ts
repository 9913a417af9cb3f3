// The settings PEFT and diffusers rebuild adapters from (peft.LoraConfig, LoHaConfig, LoKrConfig).
import { matchesPattern } from '../targets.ts';
import type { AdaptableLayer } from '../layers.ts';
import { alphaOf, peftPath, type WrittenAdapter } from './dialects.ts';

/**
 * Settings for the adapters of one component.
 * @param layers all layers of that component, so that target names mean the adapted ones only
 */
export function peftConfig(
  adapters: readonly WrittenAdapter[],
  layers: readonly AdaptableLayer[],
): Record<string, unknown> {
  const { method } = adapters[0] ?? {};
  const ranks = patternOf(adapters, ({ rank }) => rank);
  const alphas = patternOf(adapters, alphaOf);
  const common = {
    r: ranks.usual,
    rank_pattern: ranks.exceptions,
    alpha_pattern: alphas.exceptions,
    target_modules: targetModules(
      adapters.map(({ layer }) => layer),
      layers,
    ),
    init_weights: true,
  };
  if (method?.name === 'loha')
    return { peft_type: 'LOHA', alpha: alphas.usual, use_effective_conv2d: false, ...common };
  if (method?.name === 'lokr')
    return { peft_type: 'LOKR', alpha: alphas.usual, use_effective_conv2d: false, ...common };
  const { init_weights: _, ...shared } = common;
  return {
    peft_type: 'LORA',
    lora_alpha: alphas.usual,
    ...shared,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    lora_dropout: 0,
    use_dora: adapters.some(({ magnitude }) => magnitude !== undefined),
    use_rslora: false,
  };
}

/** The most frequent value, and the modules that have another. */
function patternOf(
  adapters: readonly WrittenAdapter[],
  valueOf: (adapter: WrittenAdapter) => number,
): { usual: number; exceptions: Record<string, number> } {
  const counts = new Map<number, number>();
  for (const adapter of adapters) counts.set(valueOf(adapter), (counts.get(valueOf(adapter)) ?? 0) + 1);
  const [usual = 1] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const others = adapters.filter((adapter) => valueOf(adapter) !== usual);
  return {
    usual,
    exceptions: Object.fromEntries(others.map((adapter) => [peftPath(adapter.layer), valueOf(adapter)])),
  };
}

/** Ends of paths (`to_q`, `to_out.0`) where they mean the adapted layers and no other; else whole paths. */
function targetModules(adapted: readonly AdaptableLayer[], layers: readonly AdaptableLayer[]): string[] {
  const ends = [...new Set(adapted.map(({ path }) => /[^.]+(?:\.\d+)?$/.exec(path)?.[0] ?? path))].sort();
  const meant = layers.filter(({ path }) => ends.some((end) => matchesPattern(path, end)));
  return meant.length === adapted.length ? ends : adapted.map(peftPath).sort();
}
