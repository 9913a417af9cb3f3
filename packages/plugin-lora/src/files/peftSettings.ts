// Where PEFT and diffusers keep alpha: in settings beside the weights, for all modules at once with exceptions by pattern.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ComponentName } from '../layers.ts';

const settingsSchema = z.object({
  r: z.number().default(8),
  lora_alpha: z.number().optional(),
  /** What LoHa and LoKr call it. */
  alpha: z.number().optional(),
  rank_pattern: z.record(z.string(), z.number()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
});
export type PeftSettings = z.output<typeof settingsSchema>;

/** Factor on ΔW of a module, by PEFT's rules. @param rank of its tensors; without one, the settings' */
export function scaleFromSettings(settings: PeftSettings, path: string, rank: number | undefined): number {
  const r = rank ?? rankFromSettings(settings, path);
  const alpha = fromPattern(settings.alpha_pattern, path) ?? settings.lora_alpha ?? settings.alpha ?? r;
  return alpha / (settings.use_rslora ? Math.sqrt(r) : r);
}

/** Rank of a module whose tensors do not say it. */
export const rankFromSettings = ({ rank_pattern: ranks, r }: PeftSettings, path: string): number =>
  fromPattern(ranks, path) ?? r;

/** Keys are regular expressions for the end of a path (peft/utils/other.py: `get_pattern_key`). */
function fromPattern(pattern: Record<string, number> | null | undefined, path: string): number | undefined {
  for (const [key, value] of Object.entries(pattern ?? {})) {
    if (path === key || path.endsWith(`.${key}`)) return value;
    try {
      if (new RegExp(`^(.*\\.)?(${key})$`).test(path)) return value;
    } catch {
      continue; // Python knows expressions that JavaScript does not; a plain path was compared above
    }
  }
  return undefined;
}

/** The settings for a component: from the header (diffusers) or `adapter_config.json` in the file's folder (PEFT). */
export async function findPeftSettings(
  path: string,
  metadata: Readonly<Record<string, string>>,
): Promise<(component: ComponentName) => PeftSettings | undefined> {
  const header = metadata['lora_adapter_metadata'];
  if (header !== undefined) {
    const all = Object.entries(z.record(z.string(), z.unknown()).parse(JSON.parse(header)));
    return (component) => {
      const own = all.filter(([key]) => key.startsWith(`${component}.`));
      if (own.length === 0) return undefined;
      return settingsSchema.parse(
        Object.fromEntries(own.map(([key, value]) => [key.slice(component.length + 1), value])),
      );
    };
  }
  const beside = await readFile(join(dirname(path), 'adapter_config.json'), 'utf8').catch(() => undefined);
  const settings = beside === undefined ? undefined : settingsSchema.parse(JSON.parse(beside));
  return () => settings;
}
