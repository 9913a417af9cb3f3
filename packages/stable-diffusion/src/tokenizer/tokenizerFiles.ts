// Reads the files of a CLIP tokenizer folder: vocab.json + merges.txt, or one tokenizer.json, and the settings beside them.

import { basename, join } from 'node:path';
import { WeightsError } from '@likeness/engine';
import { z } from 'zod';
import { parseModelJson, readTextIfPresent } from '../modelJson.ts';

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

/** Tokens beside the vocabulary that a tokenizer may have; CLIP's has 2, one with embeddings some hundreds. */
const MAX_ADDED_TOKENS = 10_000;
/** Highest id of a token that makes sense: the text encoder has a row for each. */
const MAX_TOKEN_ID = 10_000_000;
const tokenId = z.int().min(0).max(MAX_TOKEN_ID);
const isTokenId = (id: unknown): boolean =>
  Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MAX_TOKEN_ID;

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
  added_tokens_decoder: z
    .record(
      z.string().refine((id) => isTokenId(Number(id)), 'not a token id'),
      listedToken,
    )
    .nullish(),
});
// 49,408 entries and as many merges: checked by hand, since zod would take longer than everything else together
const vocabJson = z.custom<Record<string, number>>(
  (value) => isRecord(value) && Object.values(value).every(isTokenId),
  'not an object of token ids',
);
const mergeList = z.custom<(string | [string, string])[]>(
  (value) => Array.isArray(value) && value.every((merge) => typeof merge === 'string' || isPair(merge)),
  'not a list of pairs',
);
const tokenizerJson = z.object({
  added_tokens: z.array(listedToken.extend({ id: tokenId })).default([]),
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
 * @param where the tokenizer, for messages
 * @throws WeightsError naming the files that are missing, DataError or FileError for one that is damaged or unreadable
 */
export async function readTokenizerFiles(
  source: string | readonly string[],
  settings?: TokenizerSettings,
  where = typeof source === 'string' ? source : source.join(', '),
): Promise<TokenizerDefinition> {
  const paths = typeof source === 'string' ? FILES.map((name) => join(source, name)) : source;
  const placeOf = (name: FileName): string => paths.find((path) => basename(path) === name) ?? name;
  const texts = new Map<FileName, string>();
  for (const path of paths) {
    const name = FILES.find((file) => file === basename(path));
    const text = name && (await readTextIfPresent(path));
    if (name !== undefined && text !== undefined) texts.set(name, text);
  }

  const parse = <T>(name: FileName, schema: z.ZodType<T>): T | undefined => {
    const text = texts.get(name);
    return text === undefined
      ? undefined
      : checked(parseModelJson(text, placeOf(name)), schema, placeOf(name));
  };
  const whole = parse('tokenizer.json', tokenizerJson);
  const { vocab, merges } =
    whole === undefined
      ? readVocabulary(parse('vocab.json', vocabJson), texts.get('merges.txt'), where)
      : { vocab: whole.model.vocab, merges: whole.model.merges.map(toPair) };
  const config = parse('tokenizer_config.json', tokenizerConfig) ?? {};
  const specials = { ...config, ...definedOnly(parse('special_tokens_map.json', specialTokens) ?? {}) };

  const addedTokens = new AddedTokenList(vocab, where);
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
  readonly #tokens = new Map<string, AddedToken>();
  readonly #vocab: Readonly<Record<string, number>>;
  readonly #where: string;
  #next: number;

  constructor(vocab: Readonly<Record<string, number>>, where: string) {
    this.#vocab = vocab;
    this.#where = where;
    this.#next = Object.keys(vocab).length;
  }

  get tokens(): AddedToken[] {
    return [...this.#tokens.values()];
  }

  add(token: z.infer<typeof listedToken>, id?: number): void {
    const { content, normalized, lstrip, rstrip, single_word: singleWord } = token;
    if (content === '' || this.#tokens.has(content)) return;
    if (this.#tokens.size >= MAX_ADDED_TOKENS) {
      throw new WeightsError('the tokenizer has too many added tokens', {
        code: 'model/too-large',
        where: this.#where,
        expected: `at most ${MAX_ADDED_TOKENS}`,
      });
    }
    const own = id ?? (Object.hasOwn(this.#vocab, content) ? this.#vocab[content] : undefined) ?? this.#next;
    this.#tokens.set(content, { content, id: own, normalized, lstrip, rstrip, singleWord });
    this.#next = Math.max(this.#next, own + 1);
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
      code: 'tokenizer/missing-files',
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

function checked<T>(value: unknown, schema: z.ZodType<T>, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new WeightsError("not a CLIP tokenizer's file", {
    code: 'tokenizer/not-clip',
    where,
    details: result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    hint: 'Only the byte-pair tokenizer of CLIP (SD 1.x, 2.x) is supported.',
  });
}
