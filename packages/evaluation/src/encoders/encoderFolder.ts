// Files of an encoder's folder, as transformers' `save_pretrained` names them.
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const CONFIG = 'config.json';
export const WEIGHTS = 'model.safetensors';
export const PREPROCESSOR = 'preprocessor_config.json';
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
] as const;

/** Copies those that are there. @returns their names */
export async function copyFiles(from: string, to: string, names: readonly string[]): Promise<string[]> {
  const copied: string[] = [];
  for (const name of names) {
    if (!(await stat(join(from, name)).catch(() => undefined))?.isFile()) continue;
    await mkdir(to, { recursive: true });
    await copyFile(join(from, name), join(to, name));
    copied.push(name);
  }
  return copied;
}

/** Fields transformers reads strictly as floats: JavaScript would write 1.0 as 1. */
const FLOATS =
  /"(\w*dropout\w*|initializer_\w+|layer_norm_eps|logit_scale_init_value|layerscale_value)": (-?\d+)(?=[,\n])/g;

export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(value, null, 2).replace(FLOATS, '"$1": $2.0')}\n`);
}
