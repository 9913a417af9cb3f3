// Options of the plugin. Names follow PEFT's LoraConfig; patterns are `pattern=value`, so that they work as flags too.
import { ConfigError } from '@likeness/core';
import { z } from 'zod';
import { loha } from './adapters/loha.ts';
import { lokr } from './adapters/lokr.ts';
import { lora } from './adapters/lora.ts';
import type { AdapterMethod } from './adapters/adapter.ts';
import { matchesPattern } from './targets.ts';

export const METHODS: Readonly<Record<AdapterMethod['name'], AdapterMethod>> = { lora, loha, lokr };
export const LORA_FORMATS = ['diffusers', 'peft', 'kohya'] as const;
export type LoraFormat = (typeof LORA_FORMATS)[number];

const rank = z.int().positive();
const rate = z.number().positive();
const share = z.number().min(0).lt(1).default(0);
const targets = z.array(z.string().min(1)).min(1);

export const loraOptions = z.strictObject({
  rank: rank.default(4).meta({ description: 'rank of the adapters: their size, and how much they can hold' }),
  alpha: rate
    .optional()
    .meta({ description: 'what adapters count is alpha / rank; default: the rank, which makes it 1' }),
  rsLora: z
    .boolean()
    .default(false)
    .meta({ description: 'alpha / √rank instead of alpha / rank', flag: 'rslora' }),
  variant: z
    .enum(['lora', 'loha', 'lokr'])
    .default('lora')
    .meta({ description: 'how a change of weights is written' }),
  dora: z
    .boolean()
    .default(false)
    .meta({ description: 'learn the length of the weights apart from their direction' }),
  lokrFactor: z
    .int()
    .positive()
    .optional()
    .meta({ description: 'LoKr: largest size of the left factor; default: near the root' }),
  initialisation: z.enum(['gaussian', 'kaiming', 'pissa']).default('gaussian').meta({
    description:
      "how LoRA starts: gaussian as PEFT (standard deviation 1 / rank), kaiming as kohya, pissa as the weight's largest singular values",
  }),
  targets: targets.default(['attn']).meta({
    description:
      'layers to adapt: attn, attn-mlp, full, the end of a path (to_q) or a glob (up_blocks.**.to_*)',
    flag: 'target',
  }),
  blockRanks: patternList(/[1-9]\d*/, 'up_blocks.**=8').meta({
    description: 'rank of the layers a pattern names: up_blocks.**=8; the last that fits counts',
    flag: 'block-rank',
  }),
  blockLearningRates: patternList(/\d*\.?\d+(?:e[-+]?\d+)?/, 'up_blocks.**=5e-5').meta({
    description: 'learning rate of the layers a pattern names: up_blocks.**=5e-5; the last that fits counts',
    flag: 'block-learning-rate',
  }),
  dropout: share.meta({
    description: "share of the numbers between LoRA's way down and way up that are dropped in a step",
    flag: 'lora-dropout',
  }),
  rankDropout: share.meta({ description: 'share of the ranks that are dropped in a step' }),
  moduleDropout: share.meta({ description: 'share of the adapters that are dropped in a step' }),
  loraPlusRatio: rate
    .default(1)
    .meta({ description: 'LoRA+: learning rate of the parts that start at zero, times this (16 is usual)' }),
  trainTextEncoder: z.boolean().default(false).meta({ description: 'adapt the text encoder as well' }),
  textEncoderRank: rank
    .optional()
    .meta({ description: "rank of the text encoder's adapters; default: rank" }),
  textEncoderTargets: targets.default(['attn']).meta({
    description: 'layers of the text encoder to adapt, named as for targets',
    flag: 'text-encoder-target',
  }),
  textEncoderLearningRate: rate
    .default(5e-6)
    .meta({ description: "learning rate of the text encoder's adapters" }),
  bundleEmbedding: z.boolean().default(false).meta({
    description:
      'put the vectors of the new word into the file of the adapters as well (with textual-inversion)',
  }),
  format: z.enum(LORA_FORMATS).default('diffusers').meta({
    description: 'spelling of the exported file: diffusers, peft, or kohya (A1111, ComfyUI)',
    flag: 'lora-format',
  }),
});
export type LoraOptions = z.output<typeof loraOptions>;

function patternList(value: RegExp, example: string) {
  return z
    .array(
      z
        .string()
        .regex(new RegExp(`^[^=\\s]+=${value.source}$`, 'i'), `a pattern and its value, like ${example}`),
    )
    .default([]);
}

/** The value of the last `pattern=value` that means a path. */
export function patternValue(patterns: readonly string[], path: string): number | undefined {
  const last = patterns.findLast((entry) => matchesPattern(path, entry.slice(0, entry.lastIndexOf('='))));
  return last === undefined ? undefined : Number(last.slice(last.lastIndexOf('=') + 1));
}

/** @throws ConfigError when there is no word to bundle, or no place for it */
export function checkBundle(
  { bundleEmbedding, format }: Pick<LoraOptions, 'bundleEmbedding' | 'format'>,
  plugins: readonly string[],
): void {
  if (!bundleEmbedding) return;
  if (!plugins.includes('textual-inversion')) {
    throw new ConfigError('no word is learned that could be bundled', {
      code: 'adapter/options-do-not-fit',
      where: 'bundleEmbedding (--bundle-embedding)',
      expected: 'a recipe with textual-inversion: lora+textual-inversion',
      got: plugins.join('+'),
    });
  }
  if (format !== 'kohya') {
    throw new ConfigError(
      format === 'diffusers'
        ? 'diffusers refuses adapter files with anything else in them; it loads the word from its own file'
        : "PEFT's files hold the adapters of one component and nothing else",
      {
        code: 'adapter/options-do-not-fit',
        where: 'bundleEmbedding (--bundle-embedding)',
        expected: '--lora-format kohya (A1111, OneTrainer)',
        got: format,
      },
    );
  }
}

/** @throws ConfigError for options that would do nothing */
export function checkDropout({
  variant,
  dora,
  dropout,
}: Pick<LoraOptions, 'variant' | 'dora' | 'dropout'>): void {
  if (dropout === 0 || (variant === 'lora' && !dora)) return;
  throw new ConfigError(
    `${dora ? 'DoRA' : variant} changes the whole weight: there are no narrow states to drop`,
    {
      code: 'adapter/options-do-not-fit',
      where: 'dropout (--lora-dropout)',
      expected: 'rankDropout (--rank-dropout) or moduleDropout (--module-dropout)',
    },
  );
}

/** @throws ConfigError for a start that only LoRA has */
export function checkStart({
  variant,
  initialisation,
}: Pick<LoraOptions, 'variant' | 'initialisation'>): void {
  if (initialisation !== 'pissa' || variant === 'lora') return;
  throw new ConfigError(`${variant} has no start from the weight's singular values`, {
    code: 'adapter/options-do-not-fit',
    where: 'initialisation (--initialisation)',
    expected: 'pissa with variant lora',
    got: `pissa with variant ${variant}`,
  });
}

/** @throws ConfigError for a file that the tools of its format could not read */
export function checkFormat({
  variant,
  dora,
  format,
}: Pick<LoraOptions, 'variant' | 'dora' | 'format'>): void {
  if (variant !== 'lora' && format === 'diffusers') {
    throw new ConfigError(`diffusers reads no ${variant} in its own spelling`, {
      code: 'adapter/no-such-spelling',
      expected: '--lora-format kohya or peft',
      got: format,
    });
  }
  if (variant !== 'lora' && dora && format !== 'kohya') {
    throw new ConfigError(`DoRA over ${variant} exists in LyCORIS only`, {
      code: 'adapter/no-such-spelling',
      expected: '--lora-format kohya',
      got: format,
    });
  }
}
