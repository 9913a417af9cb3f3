// Text to token ids as transformers' CLIPTokenizer does it. The byte-pair encoding is @huggingface/tokenizers';
// normalisation and added tokens are done here, where that library differs from the reference:
// it lower-cases a final sigma to ς, and takes a text that lower-cases to a special token for that token.

import * as huggingface from '@huggingface/tokenizers';
import { expandPlaceholder, placeholderTokens, type Placeholder, type Vocabulary } from '@likeness/core';
import { ConfigError } from '@likeness/engine';
import {
  readTokenizerFiles,
  type AddedToken,
  type TokenizerDefinition,
  type TokenizerSettings,
} from './tokenizerFiles.ts';
import { createVocabulary } from './vocabulary.ts';

/** What is used of the library; its own declarations do not resolve under Node's module rules. */
interface BytePairTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}
const { Tokenizer: BytePairs } = huggingface as unknown as {
  Tokenizer: new (definition: object, config: object) => BytePairTokenizer;
};

export interface ClipTokenizer {
  /** Tokens per prompt including start and end. */
  readonly modelMaxLength: number;
  /** Rows a token embedding needs: the vocabulary and all added tokens. */
  readonly vocabSize: number;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly padTokenId: number;
  /** Ids of a text without start, end, padding; never truncated. */
  encode(text: string): number[];
  /** Ids with start and end; never truncated. */
  encodeWithSpecials(text: string): number[];
  /** Ids with start and end, truncated (the end stays) and padded to `length`, by default `modelMaxLength`: what a text encoder gets. */
  encodePadded(text: string, length?: number): Int32Array;
  /**
   * Makes each text one new token, found in prompts in any case, even inside words.
   * @returns their ids, the next free ones
   * @throws ConfigError naming those that are tokens already
   */
  addTokens(contents: readonly string[]): number[];
  /**
   * Makes a word stand for several new tokens in prompts: itself, `WORD_1`, `WORD_2`, …
   * @throws ConfigError naming those that are tokens already
   */
  addPlaceholder(word: string, vectors: number): Placeholder;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  readonly vocabulary: Vocabulary;
}

/**
 * @param source the tokenizer folder of a model, or the paths of its files
 * @param settings for a model whose files do not say: one that came as a single file
 * @param where the tokenizer, for messages
 * @throws WeightsError when files are missing or belong to another kind of tokenizer
 */
export async function loadTokenizer(
  source: string | readonly string[],
  settings?: TokenizerSettings,
  where?: string,
): Promise<ClipTokenizer> {
  return createTokenizer(await readTokenizerFiles(source, settings, where));
}

export function createTokenizer(definition: TokenizerDefinition): ClipTokenizer {
  const { vocab, modelMaxLength } = definition;
  const bytePairs = createBytePairTokenizer(definition);
  const tokenOfId = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
  const added = new Map<string, AddedToken>();
  const ownSize = [...tokenOfId.keys()].reduce((size, id) => Math.max(size, id + 1), 0);
  let vocabSize = ownSize;
  let splitTyped = splitterOf([]);
  let splitNormalized = splitterOf([]);

  const placeholders = new Map<string, readonly string[]>();

  const register = (tokens: readonly AddedToken[]): void => {
    for (const token of tokens) {
      added.set(token.content, token);
      tokenOfId.set(token.id, token.content);
    }
    updateTokens();
  };
  const forget = (contents: readonly string[]): void => {
    for (const content of contents) {
      tokenOfId.delete(added.get(content)?.id ?? NaN);
      added.delete(content);
    }
    updateTokens();
  };
  const updateTokens = (): void => {
    vocabSize = [...added.values()].reduce((size, { id }) => Math.max(size, id + 1), ownSize);
    const all = [...added.values()];
    splitTyped = splitterOf(all.filter((token) => !token.normalized));
    splitNormalized = splitterOf(
      all
        .filter((token) => token.normalized)
        .map((token) => ({ ...token, content: normalize(token.content) })),
    );
  };
  register(definition.addedTokens);

  const tokenToId = (token: string): number | undefined =>
    added.get(token)?.id ?? (Object.hasOwn(vocab, token) ? vocab[token] : undefined);
  const specialId = (token: string): number => tokenToId(token) ?? 0;
  const bosTokenId = specialId(definition.bosToken);
  const eosTokenId = specialId(definition.eosToken);
  const padTokenId = specialId(definition.padToken);

  const encode = (text: string): number[] =>
    splitTyped([...placeholders.values()].reduce(expandPlaceholder, text)).flatMap((typed) => {
      if (typeof typed === 'number') return [typed];
      return splitNormalized(normalize(typed)).flatMap((piece) =>
        typeof piece === 'number' ? [piece] : bytePairs.encode(piece, { add_special_tokens: false }).ids,
      );
    });
  const encodeWithSpecials = (text: string): number[] => [bosTokenId, ...encode(text), eosTokenId];

  const addTokens = (contents: readonly string[]): number[] => {
    const known = contents.filter(
      (content, i) => tokenToId(content) !== undefined || contents.indexOf(content) !== i,
    );
    if (known.length > 0) {
      throw new ConfigError('these are tokens already', {
        code: 'tokenizer/token-taken',
        details: known,
        hint: 'Choose another placeholder: a word in angle brackets such as <my-cat> is usually free.',
      });
    }
    const flags = { normalized: true, lstrip: false, rstrip: false, singleWord: false };
    const tokens = contents.map((content, i) => ({ content, id: vocabSize + i, ...flags }));
    register(tokens);
    return tokens.map(({ id }) => id);
  };

  return {
    modelMaxLength,
    get vocabSize() {
      return vocabSize;
    },
    bosTokenId,
    eosTokenId,
    padTokenId,
    encode,
    encodeWithSpecials,
    encodePadded(text, length = modelMaxLength) {
      const kept = encode(text).slice(0, length - 2);
      const ids = new Int32Array(length).fill(padTokenId);
      ids.set([bosTokenId, ...kept, eosTokenId]);
      return ids;
    },
    addTokens,
    addPlaceholder(word, vectors) {
      const tokens = placeholderTokens(word, vectors);
      const ids = addTokens(tokens);
      placeholders.set(word, tokens);
      const remove = (): void => {
        placeholders.delete(word);
        forget(tokens);
      };
      return { tokens, ids, remove };
    },
    tokenToId,
    idToToken: (id) => tokenOfId.get(id),
    vocabulary: createVocabulary(definition),
  };
}

/**
 * NFC, runs of white space to one space, lower case. Letter by letter: toLowerCase of a whole text turns a Σ at the end of a
 * word into ς, the reference (Rust's char::to_lowercase) always into σ.
 */
function normalize(text: string): string {
  const composed = text.normalize('NFC').replace(/\p{White_Space}+/gu, ' ');
  return Array.from(composed, (letter) => letter.toLowerCase()).join('');
}

/** Cuts a text at the given tokens: their ids and the text between. The leftmost token wins, then the longest. */
function splitterOf(tokens: readonly AddedToken[]): (text: string) => (string | number)[] {
  if (tokens.length === 0) return (text) => [text];
  const longestFirst = [...tokens].sort((a, b) => b.content.length - a.content.length);
  const alternatives = longestFirst.map(({ content, lstrip, rstrip, singleWord }) => {
    const escaped = content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    const word = singleWord ? `(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])` : escaped;
    return `${lstrip ? '\\s*' : ''}(${word})${rstrip ? '\\s*' : ''}`;
  });
  const pattern = new RegExp(alternatives.join('|'), 'gu');
  return (text) => {
    const pieces: (string | number)[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index > end) pieces.push(text.slice(end, match.index));
      const which = match.slice(1).findIndex((group) => group !== undefined);
      pieces.push(longestFirst[which]?.id ?? 0);
      end = match.index + match[0].length;
    }
    if (end < text.length) pieces.push(text.slice(end));
    return pieces;
  };
}

function createBytePairTokenizer({ vocab, merges, unkToken }: TokenizerDefinition): BytePairTokenizer {
  // as transformers builds it (models/clip/tokenization_clip.py), less the parts done above
  const words =
    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
  return new BytePairs(
    {
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: words }, behavior: 'Removed', invert: true },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
      post_processor: null,
      decoder: null,
      added_tokens: [],
      model: {
        type: 'BPE',
        vocab,
        merges,
        unk_token: unkToken,
        end_of_word_suffix: '</w>',
        fuse_unk: false,
        byte_fallback: false,
      },
    },
    {},
  );
}
