// Where PEFT and diffusers keep alpha: in settings beside the weights, for all modules at once with exceptions by pattern.
import { basename, dirname, join } from 'node:path';
import { FileError, parseJson, readJsonFile, WeightsError, type TensorEntry } from '@likeness/core';
import { z } from 'zod';
import type { ComponentName } from '../layers.ts';
import { PEFT_FILE } from './fileNames.ts';
import { firstOf, shown } from './shown.ts';

/** PEFT's defaults (LoraConfig, LoHaConfig, LoKrConfig) are those of settings that leave the value out. */
const settingsSchema = z.object({
  peft_type: z.string().nullish(),
  r: z.number().positive().default(8),
  lora_alpha: z.number().optional(),
  /** What LoHa and LoKr call it. */
  alpha: z.number().optional(),
  rank_pattern: z.record(z.string(), z.number().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
  init_lora_weights: z.unknown().optional(),
});
export type PeftSettings = z.output<typeof settingsSchema>;
const DEFAULT_ALPHA = 8;

const READ_TYPES = ['LORA', 'LOHA', 'LOKR'];
/** Starts of LoRA that take something off the base's weights, which the file does not hold. */
const CHANGES_THE_BASE = /^(?:pissa|olora|corda|loftq)/i;

/** Factor on ΔW of a module, by PEFT's rules. @param rank of its tensors; without one, the settings' */
export function scaleFromSettings(settings: PeftSettings, path: string, rank: number | undefined): number {
  const r = rank ?? rankFromSettings(settings, path);
  const alpha =
    fromPattern(settings.alpha_pattern, path) ?? settings.lora_alpha ?? settings.alpha ?? DEFAULT_ALPHA;
  return alpha / (settings.use_rslora ? Math.sqrt(r) : r);
}

/** Rank of a module whose tensors do not say it. */
export const rankFromSettings = ({ rank_pattern: ranks, r }: PeftSettings, path: string): number =>
  fromPattern(ranks, path) ?? r;

/** Keys are regular expressions for the end of a path (peft/utils/other.py: `get_pattern_key`). */
function fromPattern(pattern: Record<string, number> | null | undefined, path: string): number | undefined {
  for (const [key, value] of Object.entries(pattern ?? {})) {
    if (path === key || path.endsWith(`.${key}`) || expressionOf(key)?.test(path)) return value;
  }
  return undefined;
}

/**
 * A pattern as an expression; none for plain paths' sake when it is not one in JavaScript. Expressions that could take
 * for ever (repeated groups, many repetitions) are none of a tool that writes paths: `checkPatterns` refuses them.
 */
function expressionOf(key: string): RegExp | undefined {
  const repetitions = key.match(/[*+{]/g)?.length ?? 0;
  if (key.length > 300 || repetitions > 3 || /\)[*+?{]/.test(key)) return undefined;
  try {
    return new RegExp(`^(.*\\.)?(${key})$`);
  } catch {
    return undefined;
  }
}

/** The settings for each component. */
export type SettingsOf = (component: ComponentName) => PeftSettings | undefined;

/**
 * Finds the settings of a file: in its header (diffusers), or in `adapter_config.json` beside PEFT's weights.
 *
 * diffusers' pipelines write a header with the component before each key (`unet.r`); `save_lora_adapter` writes it
 * without, as PEFT does: such settings are for every component that has none of its own.
 * @throws DataError when they are no JSON
 * @throws WeightsError when a value is of another kind, or the settings are those of adapters that are not read
 */
export async function findPeftSettings(
  path: string,
  metadata: Readonly<Record<string, string>>,
  tensors: ReadonlyMap<string, TensorEntry>,
): Promise<SettingsOf> {
  const header = metadata['lora_adapter_metadata'];
  if (header !== undefined) return settingsOfHeader(header, `${path}, lora_adapter_metadata in its header`);
  if (!needsSettings(path, tensors)) return () => undefined;
  const place = join(dirname(path), 'adapter_config.json');
  const beside = await readJsonFile(place).catch((error: unknown) => {
    if (error instanceof FileError && error.code === 'file/missing') return undefined;
    throw error;
  });
  const settings = beside === undefined ? undefined : checked(beside, place);
  return () => settings;
}

/** A folder may hold files of several tools: one that has alpha beside its tensors goes by no settings of another. */
const needsSettings = (path: string, tensors: ReadonlyMap<string, TensorEntry>): boolean =>
  basename(path) === PEFT_FILE || [...tensors.keys()].every((key) => !key.endsWith('.alpha'));

function settingsOfHeader(header: string, where: string): SettingsOf {
  const all = parseJson(header, where);
  if (typeof all !== 'object' || all === null || Array.isArray(all))
    throw damaged(where, ['not an object with r, lora_alpha, …']);
  const byPrefix = new Map<string, Map<string, unknown>>();
  for (const [key, value] of Object.entries(all)) {
    const [, prefix = '', name = key] = /^(?:(.+)\.)?([^.]+)$/.exec(key) ?? [];
    const own = byPrefix.get(prefix) ?? new Map<string, unknown>();
    byPrefix.set(prefix, own.set(name, value));
  }
  const settingsAt = (prefix: string): PeftSettings | undefined => {
    const own = byPrefix.get(prefix);
    return own && checked(Object.fromEntries(own), where, prefix);
  };
  const common = settingsAt('');
  const own = { unet: settingsAt('unet') ?? common, text_encoder: settingsAt('text_encoder') ?? common };
  return (component) => {
    // A pipeline's file may say nothing of one of its two components; one that speaks of others only is another's.
    if (byPrefix.size > 0 && own.unet === undefined && own.text_encoder === undefined) {
      throw new WeightsError('the settings of these adapters are those of other components', {
        code: 'adapter/damaged-settings',
        where,
        expected: `${component}.r, ${component}.lora_alpha, or r, lora_alpha`,
        got: firstOf([...byPrefix.keys()].map((prefix) => shown(`${prefix}.r`))).join(', '),
        hint: 'get the file again, or write it again with the tool that made it',
      });
    }
    return own[component];
  };
}

/** @param prefix of the component, for messages */
function checked(value: unknown, where: string, prefix = ''): PeftSettings {
  const result = settingsSchema.safeParse(value);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => {
      const key = [...(prefix === '' ? [] : [prefix]), ...path.map(String)].join('.');
      return key === '' ? message : `${shown(key)}: ${message}`;
    });
    throw damaged(where, problems);
  }
  checkKind(result.data, where);
  checkPatterns(result.data, where);
  return result.data;
}

function checkKind({ peft_type: type, init_lora_weights: start }: PeftSettings, where: string): void {
  if (typeof type === 'string' && !READ_TYPES.includes(type.toUpperCase())) {
    throw new WeightsError('adapters of a kind that is not read', {
      code: 'adapter/unknown-kind',
      where,
      expected: `peft_type ${READ_TYPES.join(', ')}`,
      got: shown(type),
      hint: 'merge them with PEFT (merge_and_unload), then use the merged model or pipeline extract',
    });
  }
  if (typeof start !== 'string' || !CHANGES_THE_BASE.test(start)) return;
  throw new WeightsError('these adapters belong to a base model that training changed', {
    code: 'adapter/changed-base',
    where,
    expected: 'adapters for the unchanged base model',
    got: `init_lora_weights ${shown(start)}`,
    hint: 'save them with PEFT’s path_initial_model_for_weight_conversion, which makes an ordinary LoRA of them',
  });
}

/** A pattern that is passed over would leave its modules at another strength. */
function checkPatterns({ rank_pattern: ranks, alpha_pattern: alphas }: PeftSettings, where: string): void {
  const unread = Object.keys({ ...ranks, ...alphas }).filter((key) => expressionOf(key) === undefined);
  if (unread.length === 0) return;
  throw damaged(
    where,
    unread.map((key) => `${shown(key)} is no pattern for paths that could be read`),
  );
}

const damaged = (where: string, problems: readonly string[]): WeightsError =>
  new WeightsError('the settings of these adapters are damaged', {
    code: 'adapter/damaged-settings',
    where,
    details: firstOf(problems),
    hint: 'get the file again, or write it again with the tool that made it',
  });
