// Identity of a run's settings: equal hashes, equal bits (on one machine).
import { createHash } from 'node:crypto';
import { stableJson } from '../cache/stableJson.ts';
import type { ResolvedConfig } from './resolveConfig.ts';

/** Where a rule about the samples may end the training, they have an effect. */
const WITH_EARLY_STOP: readonly string[] = ['samples', 'samplePrompts', 'sampleEverySteps', 'numSamples'];

/** Where things lie, how often somebody looks and how results are written changes no weight. */
const WITHOUT_EFFECT = [
  'outputDir',
  'cacheDir',
  'resume',
  'checkpointingSteps',
  'checkpointsTotalLimit',
  'samples',
  'samplePrompts',
  'sampleEverySteps',
  'numSamples',
  'watch',
  'maxDrift',
  'exportDtype',
  'exportFormat',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** The settings that can change the trained weights. */
export function settingsWithEffect(config: ResolvedConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(config).filter(
      ([key]) =>
        !(WITHOUT_EFFECT as readonly string[]).includes(key) ||
        (config.earlyStop !== undefined && WITH_EARLY_STOP.includes(key)),
    ),
  );
}

/**
 * sha256 in hex over everything that can change the trained weights.
 * @param facts what is not in the config and can change them too: the model's fingerprint, pictures' hashes, the
 * compile mode that `auto` became, TensorFlow's version
 */
export function configHash(config: ResolvedConfig, facts: Readonly<Record<string, unknown>> = {}): string {
  return createHash('sha256')
    .update(stableJson({ config: settingsWithEffect(config), facts }))
    .digest('hex');
}
