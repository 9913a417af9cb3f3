// Prompts whose end a model does not read, as it stands: a learned word counts as many tokens as it has vectors.
import type { Tokenizer } from '../contracts.ts';
import type { Warning } from '../errors.ts';
import { cutOff, cutOffWarning } from '../prompts/cutOff.ts';
import { parsePromptWeights } from './promptWeights.ts';
import type { PictureRequest, SamplerSettings } from './samplePictures.ts';

/** Warnings about prompts and negative prompt, each once. */
export function longPrompts(
  tokenizer: Pick<Tokenizer, 'encode' | 'modelMaxLength' | 'vocabulary'>,
  { negativePrompt, guidanceScale, promptWeighting = false }: SamplerSettings,
  requests: readonly Pick<PictureRequest, 'prompt'>[],
): Warning[] {
  const warnings = (what: string, text: string): Warning[] => {
    // Brackets that are weights are no text.
    const ids = promptWeighting
      ? parsePromptWeights(text).flatMap((span) => tokenizer.encode(span.text))
      : tokenizer.encode(text);
    const found = cutOff(tokenizer, text, ids);
    return found === undefined ? [] : [cutOffWarning(what, text, found)];
  };
  const prompts = new Set(requests.map(({ prompt }) => prompt));
  return [
    ...[...prompts].flatMap((text) => warnings('a prompt', text)),
    ...(negativePrompt === undefined || guidanceScale <= 1
      ? []
      : // It is weighted as the prompts are.
        warnings('the negative prompt', negativePrompt)),
  ];
}
