// From options to adapters: which layer gets which parts, at which rank, scale and learning rate.
import { ConfigError, type DiffusionModel } from '@likeness/core';
import type { AdapterMethod, PlannedPart } from './adapters/adapter.ts';
import { adaptableLayers, type AdaptableLayer, type ComponentName } from './layers.ts';
import { METHODS, patternValue, type LoraOptions } from './options.ts';
import { matchesPattern, selectLayers } from './targets.ts';

export interface PlannedAdapter {
  readonly method: AdapterMethod;
  readonly layer: AdaptableLayer;
  readonly rank: number;
  /** Factor on ΔW. */
  readonly scale: number;
  readonly parts: readonly PlannedPart[];
  readonly dora: boolean;
  /** Instead of the run's learning rate. */
  readonly learningRate?: number;
}

/** @throws ConfigError naming every target and pattern that means no layer */
export function planAdapters(model: DiffusionModel, options: LoraOptions): PlannedAdapter[] {
  const { targets, textEncoderTargets, trainTextEncoder, blockRanks, blockLearningRates } = options;
  const all = adaptableLayers(model);
  const chosen = selectLayers(all, 'unet', targets, 'targets');
  if (trainTextEncoder)
    chosen.push(...selectLayers(all, 'text_encoder', textEncoderTargets, 'textEncoderTargets'));
  const idle = [...blockRanks, ...blockLearningRates].filter(
    (entry) => !chosen.some(({ path }) => matchesPattern(path, entry.slice(0, entry.lastIndexOf('=')))),
  );
  if (idle.length > 0) {
    throw new ConfigError('patterns that name no adapted layer', {
      code: 'adapter/no-such-layer',
      where: 'blockRanks, blockLearningRates',
      got: idle.join(', '),
      hint: `adapted layers: ${chosen
        .map(({ path }) => path)
        .slice(0, 6)
        .join(', ')}, …`,
    });
  }
  return chosen.map((layer) => planAdapter(layer, options));
}

function planAdapter(layer: AdaptableLayer, options: LoraOptions): PlannedAdapter {
  const { variant, alpha, rsLora, dora, initialisation, lokrFactor, blockRanks, blockLearningRates } =
    options;
  const ofComponent: Record<ComponentName, { rank: number; learningRate?: number }> = {
    unet: { rank: options.rank },
    text_encoder: {
      rank: options.textEncoderRank ?? options.rank,
      learningRate: options.textEncoderLearningRate,
    },
  };
  const own = ofComponent[layer.component];
  const rank = patternValue(blockRanks, layer.path) ?? own.rank;
  const learningRate = patternValue(blockLearningRates, layer.path) ?? own.learningRate;
  const method = METHODS[variant];
  const parts = method.plan(layer, {
    rank,
    initialisation,
    ...(lokrFactor === undefined ? {} : { factor: lokrFactor }),
  });
  const counts =
    method.rankOf(Object.fromEntries(parts.map(({ name, shape }) => [name, shape]))) !== undefined;
  const scale = counts ? (alpha ?? rank) / (rsLora ? Math.sqrt(rank) : rank) : 1;
  return {
    method,
    layer,
    rank,
    scale,
    parts,
    dora,
    ...(learningRate === undefined ? {} : { learningRate }),
  };
}
