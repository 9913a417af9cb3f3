// Older spellings of checkpoint keys, brought to the one today's diffusers and transformers write.

import type { TensorEntry } from '@likeness/engine';
import type { ComponentName } from './modelFiles.ts';

/** VAE attention before diffusers 0.18 (`_convert_deprecated_attention_blocks` in models/modeling_utils.py); SD 1.5's files still say it. */
const DEPRECATED_ATTENTION: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/**
 * The key as networks here spell it; undefined for a buffer that is no weight.
 * `text_model.` is put before text encoder keys that lack it (transformers since 5.6 saves without).
 */
export function normalizeKey(component: ComponentName, key: string): string | undefined {
  if (component === 'vae') {
    return key.replace(
      /(\.attentions\.\d+\.)(query|key|value|proj_attn)\./,
      (_, path: string, name: string) => {
        return `${path}${DEPRECATED_ATTENTION[name] ?? name}.`;
      },
    );
  }
  if (component === 'text_encoder') {
    if (key.endsWith('embeddings.position_ids')) return undefined;
    return /^(embeddings|encoder|final_layer_norm)\./.test(key) ? `text_model.${key}` : key;
  }
  return key;
}

/** Entries under their normal keys, named by them. */
export function normalizeEntries(
  component: ComponentName,
  entries: Iterable<TensorEntry>,
): Map<string, TensorEntry> {
  const normal = new Map<string, TensorEntry>();
  for (const entry of entries) {
    const name = normalizeKey(component, entry.name);
    if (name !== undefined) normal.set(name, { ...entry, name });
  }
  return normal;
}
