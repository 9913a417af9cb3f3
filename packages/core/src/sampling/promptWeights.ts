// Prompts with weights, `a (red:1.3) hat`, as A1111 writes them (modules/prompt_parser.py, parse_prompt_attention). Off
// by default: brackets are ordinary text to the text encoder.
import type { Tokenizer } from '../contracts.ts';

export interface WeightedSpan {
  readonly text: string;
  readonly weight: number;
}

export interface WeightedTokens {
  /** With start, end and padding, `[T]`. */
  readonly ids: Int32Array;
  /** What each token's hidden state is multiplied with, `[T]`. */
  readonly weights: Float32Array;
}

/** What a bracket without a number is worth: `(…)` times this, `[…]` divided by it. */
const BRACKET = 1.1;
const PART = /\\[()[\]\\]|[([)\]]|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|[^\\()[\]:]+|[\\:]/g;

interface OpenBracket {
  readonly kind: '(' | '[';
  /** Number of spans before it. */
  readonly first: number;
}

/**
 * Cuts a prompt at its weights. `(text:1.3)` has weight 1.3, `(text)` 1.1, `[text]` 1 / 1.1; brackets nest and multiply;
 * `\(` is a bracket of the text. A bracket that is never closed counts to the end, as in A1111.
 */
export function parsePromptWeights(prompt: string): WeightedSpan[] {
  const spans: { text: string; weight: number }[] = [];
  const open: OpenBracket[] = [];
  const multiply = (from: number, factor: number): void => {
    for (const span of spans.slice(from)) span.weight *= factor;
  };
  const closing = (kind: OpenBracket['kind'], factor: number): boolean => {
    if (open.at(-1)?.kind !== kind) return false;
    multiply(open.pop()?.first ?? 0, factor);
    return true;
  };
  for (const match of prompt.matchAll(PART)) {
    const [part, number] = match;
    if (part === '(' || part === '[') open.push({ kind: part, first: spans.length });
    else if (number !== undefined && closing('(', Number(number))) continue;
    else if (part === ')' && closing('(', BRACKET)) continue;
    else if (part === ']' && closing('[', 1 / BRACKET)) continue;
    else spans.push({ text: part.length === 2 && part.startsWith('\\') ? part.slice(1) : part, weight: 1 });
  }
  for (const { kind, first } of open) multiply(first, kind === '(' ? BRACKET : 1 / BRACKET);
  return spans.reduce<WeightedSpan[]>((merged, span) => {
    const last = merged.at(-1);
    if (last?.weight !== span.weight) return [...merged, span];
    return [...merged.slice(0, -1), { text: last.text + span.text, weight: span.weight }];
  }, []);
}

/** Ids of a weighted prompt, span by span, and a weight for each; start, end and padding count 1. */
export function weightedTokens(tokenizer: Tokenizer, prompt: string): WeightedTokens {
  const length = tokenizer.modelMaxLength;
  const spans = parsePromptWeights(prompt).map(({ text, weight }) => ({
    ids: tokenizer.encode(text),
    weight,
  }));
  const kept = spans.flatMap(({ ids }) => ids).slice(0, length - 2);
  const [start = 0, end = 0] = tokenizer.encodePadded('');
  const ids = Int32Array.from(tokenizer.encodePadded(''));
  // The padding of the empty prompt stays behind its own end.
  ids.set([start, ...kept, end]);
  const weights = new Float32Array(length).fill(1);
  weights.set(spans.flatMap((span) => span.ids.map(() => span.weight)).slice(0, length - 2), 1);
  return { ids, weights };
}

/**
 * Multiplies hidden states `[T, D]` token by token and brings their mean back to what it was, as A1111 does
 * (modules/sd_hijack_clip.py, process_tokens).
 */
export function applyTokenWeights(hiddenStates: Float32Array, weights: Float32Array): Float32Array {
  if (weights.every((weight) => weight === 1)) return hiddenStates;
  const width = hiddenStates.length / weights.length;
  const weighted = hiddenStates.map((value, i) => value * (weights[Math.floor(i / width)] ?? 1));
  const mean = (values: Float32Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const factor = mean(hiddenStates) / mean(weighted);
  return weighted.map((value) => value * factor);
}
