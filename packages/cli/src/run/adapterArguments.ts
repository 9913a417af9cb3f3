// `FILE[:weight]`, as commands take adapters. A weight is what follows the last colon when it reads as a number, so
// paths may hold colons of their own (`C:\loras\robot.safetensors`).
import { ConfigError } from '@likeness/core';

export interface AdapterArgument {
  /** A file, or a folder of PEFT's. */
  readonly path: string;
  /** How strongly it acts: 1 as trained, negative takes it away. */
  readonly weight: number;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * @param text `robot.safetensors`, `robot.safetensors:0.8`
 * @throws ConfigError when there is no path, or what follows the colon of a file's name is no number
 */
export function parseAdapterArgument(text: string): AdapterArgument {
  const colon = text.lastIndexOf(':');
  const ending = text.slice(colon + 1).trim();
  const path = colon >= 0 && NUMBER.test(ending) ? text.slice(0, colon) : text;
  if (path.trim() === '') throw refusal(text, 'no file is named');
  if (path !== text) {
    const weight = Number(ending);
    if (!Number.isFinite(weight)) throw refusal(text, 'the weight is too large');
    return { path, weight };
  }
  // `robot.safetensors:heavy` is a slip; no file is called that.
  if (/\.safetensors:[^/\\]*$/.test(text)) throw refusal(text, 'the weight is no number');
  return { path, weight: 1 };
}

const refusal = (text: string, reason: string): ConfigError =>
  new ConfigError(reason, {
    code: 'usage/bad-value',
    expected: 'FILE or FILE:weight, for instance robot.safetensors:0.8',
    got: text,
  });
