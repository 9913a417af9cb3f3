// Combinations of options that cannot work, each with its reason, and options that have no effect.
import type { PredictionType } from '../contracts.ts';
import { LikenessError, type Warning } from '../errors.ts';
import { learningRateScheduleOf } from './learningRateScheduleOf.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import type { ResolvedConfig } from './resolveConfig.ts';

/** Reasons why a run cannot go as configured; empty when it can. */
export function refusals(
  config: ResolvedConfig,
  predictionType: PredictionType,
  plugins: readonly PluginSetup[] = [],
): string[] {
  const reasons: string[] = [];
  const training = plugins.filter(({ contributions }) => contributions.trainsBaseWeights);
  if (config.baseWeights === 'bf16' && training.length > 0) {
    reasons.push(trainsWhatIsHeldInBf16(training.map(({ plugin }) => plugin.name).join(' and ')));
  }
  if (config.snrGamma !== undefined && predictionType === 'sample') {
    reasons.push(
      'snrGamma: Min-SNR weights are defined for models that predict noise or velocity; this one predicts the sample',
    );
  }
  if (config.gradientCheckpointing && (config.mode === 'graph' || config.mode === 'eager')) {
    reasons.push(
      `gradientCheckpointing: needs mode xla, ${config.mode} would compute everything twice and keep both; use mode auto or xla`,
    );
  }
  if (config.lrWarmupSteps > 0 && config.lrScheduler === 'constant') {
    reasons.push('lrWarmupSteps: the constant schedule has no warm-up; use lrScheduler constant_with_warmup');
  }
  if (config.lrWarmupSteps >= config.maxTrainSteps && config.lrScheduler !== 'constant') {
    reasons.push(
      `lrWarmupSteps: ${config.lrWarmupSteps} steps of warm-up leave nothing of ${config.maxTrainSteps} training steps`,
    );
  }
  if (!config.samples && (config.watch || config.earlyStop !== undefined)) {
    reasons.push('watch, earlyStop: they look at samples, and samples are off');
  }
  try {
    learningRateScheduleOf(config);
  } catch (error) {
    if (!(error instanceof LikenessError)) throw error;
    reasons.push(`lrScheduler: ${error.message.replaceAll(/\n\s*/g, '; ')}`);
  }
  return reasons;
}

/** @param who a plugin, or the name of a weight */
export const trainsWhatIsHeldInBf16 = (who: string): string =>
  `baseWeights: bf16 is for weights that stay as they are, and ${who} trains them: steps smaller than bfloat16 can say would be lost; use fp32`;

/** Options somebody set that change nothing here; told as warnings. */
export function ignoredOptions(
  config: ResolvedConfig,
  isSet: (key: keyof ResolvedConfig) => boolean,
): Warning[] {
  const warnings: Warning[] = [];
  const warn = (key: keyof ResolvedConfig, ignored: boolean, why: string): void => {
    if (ignored && isSet(key))
      warnings.push({ code: 'config/no-effect', text: `${key} has no effect: ${why}` });
  };
  warn('lrNumCycles', config.lrScheduler !== 'cosine_with_restarts', `lrScheduler is ${config.lrScheduler}`);
  warn('lrStepRules', config.lrScheduler !== 'piecewise_constant', `lrScheduler is ${config.lrScheduler}`);
  warn('lrPower', config.lrScheduler !== 'polynomial', `lrScheduler is ${config.lrScheduler}`);
  for (const key of ['adamBeta1', 'adamBeta2', 'adamEpsilon'] as const) {
    warn(key, config.optimizer === 'sgd', 'optimizer is sgd');
  }
  for (const key of ['samplePrompts', 'sampleEverySteps', 'numSamples'] as const) {
    warn(key, !config.samples, 'samples are off');
  }
  const watches = config.watch || config.earlyStop !== undefined;
  warn('watchJudge', !watches, 'nobody watches');
  warn('maxDrift', !watches, 'nobody watches');
  warn('background', config.alpha === 'drop', 'alpha is drop');
  return warnings;
}
