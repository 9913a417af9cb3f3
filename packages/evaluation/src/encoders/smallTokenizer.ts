// A byte-pair tokenizer with fewer tokens: the first merges only, which are those of the most frequent pairs. Words it
// has no token for come in pieces, so it reads every text, and the text tower's table is as small as is wanted.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@likeness/core';
import { readTokenizerFiles } from '@likeness/stable-diffusion';
import { copyFiles, TOKENIZER_FILES, writeJson } from './encoderFolder.ts';

export interface WrittenTokenizer {
  readonly vocabSize: number;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly padTokenId: number;
}

/**
 * Writes a tokenizer's files into a folder, with so many tokens.
 * @param size default: all of them
 * @throws ConfigError for fewer tokens than bytes and specials take
 */
export async function writeTokenizer(
  from: string,
  folder: string,
  { size, maxLength }: { readonly size?: number | undefined; readonly maxLength: number },
): Promise<WrittenTokenizer> {
  const { vocab, merges, bosToken, eosToken, padToken, unkToken } = await readTokenizerFiles(from);
  await mkdir(folder, { recursive: true });
  const specials = [...new Set([bosToken, eosToken, padToken, unkToken])].filter((token) => token in vocab);
  const bytes = Object.keys(vocab).length - merges.length - specials.length;
  const kept = size === undefined ? merges.length : Math.min(merges.length, size - bytes - specials.length);
  if (kept < 0) {
    throw new ConfigError('too few tokens to spell with', {
      code: 'evaluation/small-vocabulary',
      where: 'vocabularySize',
      expected: `at least ${bytes + specials.length}: each byte, inside a word and at its end, and the specials`,
      got: String(size),
    });
  }
  const dropped = new Set(merges.slice(kept).map((pair) => pair.join('')));
  const pieces = Object.entries(vocab)
    .filter(([token]) => !dropped.has(token) && !specials.includes(token))
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const tokens = [...pieces, ...specials];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const idOf = (token: string): number => ids.get(token) ?? tokens.length - 1;
  await copyFiles(
    from,
    folder,
    TOKENIZER_FILES.filter((name) => name === 'special_tokens_map.json'),
  );
  await writeFile(join(folder, 'vocab.json'), `${JSON.stringify(Object.fromEntries(ids))}\n`);
  const lines = merges.slice(0, kept).map((pair) => pair.join(' '));
  await writeFile(join(folder, 'merges.txt'), ['#version: 0.2', ...lines, ''].join('\n'));
  await writeJson(join(folder, 'tokenizer_config.json'), {
    add_prefix_space: false,
    bos_token: bosToken,
    do_lower_case: true,
    eos_token: eosToken,
    errors: 'replace',
    model_max_length: maxLength,
    pad_token: padToken,
    tokenizer_class: 'CLIPTokenizer',
    unk_token: unkToken,
  });
  return {
    vocabSize: tokens.length,
    bosTokenId: idOf(bosToken),
    eosTokenId: idOf(eosToken),
    padTokenId: idOf(padToken),
  };
}
