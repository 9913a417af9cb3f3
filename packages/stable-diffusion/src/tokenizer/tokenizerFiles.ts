// Reads the files of a CLIP tokenizer folder: vocab.json + merges.txt, or one tokenizer.json, and the settings beside them.

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WeightsError } from '@likeness/engine';
import { z } from 'zod';

/** A text that is one token whatever the BPE would make of it (tokenizers' `AddedToken`). */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Looked for in the normalised (lower-case) text instead of in the text as typed. */
  readonly normalized: boolean;
  /** Takes the spaces before or after it along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Not inside a longer word. */
  readonly singleWord: boolean;
}

export interface TokenizerDefinition {
  /** Token text to id. */
  readonly vocab: Readonly<Record<string, number>>;
  /** BPE merges by rank: `['i', 'n']`. */
  readonly merges: readonly (readonly [string, string])[];
  readonly addedTokens: readonly AddedToken[];
  readonly bosToken: string;
  readonly eosToken: string;
  readonly padToken: string;
  readonly unkToken: string;
  /** Tokens per prompt including start and end: 77 in Stable Diffusion. */
  readonly modelMaxLength: number;
}

export interface TokenizerSettings {
  readonly modelMaxLength: number;
  readonly padToken: string;
}

const FILES = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
] as const;
type FileName = (typeof FILES)[number];

const tokenFlags = {
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
};
const specialToken = z.union([
  // a plain text is an AddedToken(special=True), which is not normalised; as an object the default is True
  z.string().transform((content) => ({
    content,
    normalized: false,
    single_word: false,
    lstrip: false,
    rstrip: false,
  })),
  z.object({ content: z.string(), normalized: z.boolean().default(true), ...tokenFlags }),
]);
const specialTokens = z.object({
  bos_token: specialToken.nullish(),
  eos_token: specialToken.nullish(),
  pad_token: specialToken.nullish(),
  unk_token: specialToken.nullish(),
  additional_special_tokens: z.array(specialToken).nullish(),
});
const listedToken = z.object({ content: z.string(), normalized: z.boolean().default(false), ...tokenFlags });
const tokenizerConfig = specialTokens.extend({
  model_max_length: z.number().optional(),
  tokenizer_class: z.string().nullish(),
  added_tokens_decoder: z.record(z.string(), listedToken).nullish(),
});
// 49,408 entries and as many merges: checked by hand, since zod would take longer than everything else together
const vocabJson = z.custom<Record<string, number>>(
  (value) => isRecord(value) && Object.values(value).every((id) => Number.isSafeInteger(id)),
  'not an object of token ids',
);
const mergeList = z.custom<(string | [string, string])[]>(
  (value) => Array.isArray(value) && value.every((merge) => typeof merge === 'string' || isPair(merge)),
  'not a list of pairs',
);
const tokenizerJson = z.object({
  added_tokens: z.array(listedToken.extend({ id: z.int() })).default([]),
  model: z.object({
    type: z.literal('BPE').optional(),
    vocab: vocabJson,
    // older files join a pair with a space
    merges: mergeList,
    end_of_word_suffix: z.literal('</w>'),
  }),
});

/**
 * @param source the tokenizer folder, or the paths of its files (in a Hub cache they may lie anywhere)
 * @param settings win over what the files say
 * @throws WeightsError naming the files that are missing or unreadable
 */
export async function readTokenizerFiles(
  source: string | readonly string[],
  settings?: TokenizerSettings,
): Promise<TokenizerDefinition> {
  const paths = typeof source === 'string' ? FILES.map((name) => join(source, name)) : source;
  const where = typeof source === 'string' ? source : source.join(', ');
  const texts = new Map<FileName, string>();
  for (const path of paths) {
    const name = FILES.find((file) => file === basename(path));
    const text = name && (await readIfPresent(path));
    if (name !== undefined && text !== undefined) texts.set(name, text);
  }

  const parse = <T>(name: FileName, schema: z.ZodType<T>): T | undefined => {
    const text = texts.get(name);
    return text === undefined ? undefined : parseJson(text, schema, `${where}: ${name}`);
  };
  const whole = parse('tokenizer.json', tokenizerJson);
  const { vocab, merges } =
    whole === undefined
      ? readVocabulary(parse('vocab.json', vocabJson), texts.get('merges.txt'), where)
      : { vocab: whole.model.vocab, merges: whole.model.merges.map(toPair) };
  const config = parse('tokenizer_config.json', tokenizerConfig) ?? {};
  const specials = { ...config, ...definedOnly(parse('special_tokens_map.json', specialTokens) ?? {}) };

  const addedTokens = new AddedTokenList(vocab);
  for (const token of whole?.added_tokens ?? []) addedTokens.add(token, token.id);
  for (const [id, token] of Object.entries(config.added_tokens_decoder ?? {}))
    addedTokens.add(token, Number(id));
  for (const [content, id] of Object.entries(parse('added_tokens.json', vocabJson) ?? {})) {
    addedTokens.add({ content, normalized: true, single_word: false, lstrip: false, rstrip: false }, id);
  }
  // a special token is one even in the middle of a word: SD 2.x pads with `!`, so each `!` of a prompt is that token
  const { additional_special_tokens: additional } = specials;
  const bos = specials.bos_token ?? specialToken.parse('<|startoftext|>');
  const eos = specials.eos_token ?? specialToken.parse('<|endoftext|>');
  const pad = settings ? specialToken.parse(settings.padToken) : (specials.pad_token ?? eos);
  const unk = specials.unk_token ?? eos;
  for (const token of [bos, eos, pad, unk, ...(additional ?? [])]) addedTokens.add(token);
  return {
    vocab,
    merges,
    addedTokens: addedTokens.tokens,
    bosToken: bos.content,
    eosToken: eos.content,
    padToken: pad.content,
    unkToken: unk.content,
    modelMaxLength: settings?.modelMaxLength ?? readMaxLength(config.model_max_length),
  };
}

/** Earlier files win: tokenizer.json holds the flags the reference uses, the others repeat the names. */
class AddedTokenList {
  readonly tokens: AddedToken[] = [];
  readonly #vocab: Readonly<Record<string, number>>;

  constructor(vocab: Readonly<Record<string, number>>) {
    this.#vocab = vocab;
  }

  add(token: z.infer<typeof listedToken>, id?: number): void {
    const { content, normalized, lstrip, rstrip, single_word: singleWord } = token;
    if (this.tokens.some((known) => known.content === content)) return;
    const known = id ?? (Object.hasOwn(this.#vocab, content) ? this.#vocab[content] : undefined);
    const next = Math.max(Object.keys(this.#vocab).length - 1, ...this.tokens.map((other) => other.id)) + 1;
    this.tokens.push({ content, id: known ?? next, normalized, lstrip, rstrip, singleWord });
  }
}

function readVocabulary(
  vocab: Record<string, number> | undefined,
  mergesText: string | undefined,
  where: string,
): Pick<TokenizerDefinition, 'vocab' | 'merges'> {
  if (vocab === undefined || mergesText === undefined) {
    const missing = [vocab === undefined ? 'vocab.json' : '', mergesText === undefined ? 'merges.txt' : ''];
    throw new WeightsError('not a tokenizer folder', {
      where,
      expected: 'vocab.json and merges.txt, or tokenizer.json',
      got: `no ${missing.filter(Boolean).join(', no ')}, no tokenizer.json`,
      hint: 'Copy the tokenizer folder of the model this one was made from.',
    });
  }
  // the first line is a version comment; `#` may also be half of a pair further down
  const [first = '', ...rest] = mergesText.split('\n');
  const lines = first.startsWith('#version') ? rest : [first, ...rest];
  return {
    vocab,
    merges: lines
      .map((line) => line.replace(/\r$/, ''))
      .filter(Boolean)
      .map(toPair),
  };
}

function toPair(merge: string | [string, string]): [string, string] {
  if (typeof merge !== 'string') return merge;
  const space = merge.indexOf(' ');
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

/** transformers writes 1e30 for "no limit"; CLIP's position table always has one, and 77 is what it was trained with. */
function readMaxLength(length: number | undefined): number {
  return length !== undefined && Number.isSafeInteger(length) && length >= 2 && length <= 100_000
    ? length
    : 77;
}

function definedOnly<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as Partial<T>;
}

function parseJson<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new WeightsError('not valid JSON', {
      where,
      got: String(cause),
      hint: 'Download the tokenizer again.',
      cause,
    });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new WeightsError("not a CLIP tokenizer's file", {
    where,
    details: result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    hint: 'Only the byte-pair tokenizer of CLIP (SD 1.x, 2.x) is supported.',
  });
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new WeightsError('cannot be read', {
      where: path,
      got: String(error),
      hint: 'Check its permissions.',
      cause: error,
    });
  }
}
