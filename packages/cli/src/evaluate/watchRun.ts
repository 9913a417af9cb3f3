// The watch of a run that asks for one: a judge, what of the samples is the subject, the rule that may end training.
import { ConfigError, type ResolvedConfig, type SampleWatch, type SubjectPrompts } from '@likeness/core';
import { createSampleWatch, openJudges, parseStopRule } from '@likeness/evaluation';
import { BUNDLED_MODEL, bundledJudges } from '../composition.ts';

/**
 * @returns undefined for a run that nobody is to watch
 * @throws ConfigError when there is no judge, or the rule is none
 */
export async function watchOf(config: ResolvedConfig): Promise<SampleWatch | undefined> {
  const { watch, earlyStop, watchJudge, maxDrift, prompts, threads, pretrainedModel } = config;
  if (!watch && earlyStop === undefined) return undefined;
  const stopRule = earlyStop === undefined ? [] : parseStopRule(earlyStop);
  const folder = watchJudge ?? (pretrainedModel === BUNDLED_MODEL ? bundledJudges.dino : undefined);
  const { dino: judge } = await openJudges({ dino: folder }, { threads });
  if (judge === undefined) {
    throw new ConfigError('nobody can judge the samples', {
      code: 'watch/no-judge',
      where: earlyStop === undefined ? 'watch' : 'earlyStop',
      expected: '--watch-judge FOLDER: a ViT or DINOv2 as transformers saves it',
      got: 'no judge',
    });
  }
  return createSampleWatch({
    judge,
    showsSubject: (prompt) => isOfSubject(prompt, prompts),
    maxDrift,
    stopRule,
  });
}

/** Prompts with the word that names the subject, or, where there is none, with the whole instance prompt. */
function isOfSubject(prompt: string, { identifier, instancePrompt }: SubjectPrompts): boolean {
  if (identifier === undefined) return prompt.includes(instancePrompt);
  return prompt.split(/[\s,.;:!?()"]+/).includes(identifier);
}
