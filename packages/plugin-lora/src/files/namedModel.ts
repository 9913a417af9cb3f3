// What a file says about the model that it belongs to.
import { z } from 'zod';

const runSchema = z.record(z.string(), z.unknown());

/**
 * The run that a file of ours comes from, as its header tells it; undefined where there is none, or where the entry is
 * damaged: it is a note beside the numbers, and says nothing that they need.
 */
export function runOfHeader(
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> | undefined {
  const text = metadata['likeness'];
  if (text === undefined) return undefined;
  try {
    return runSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** What the run was started with, to be opened again: a folder, a file, a name on the Hub. */
export function pretrainedModelOf(metadata: Readonly<Record<string, string>>): string | undefined {
  const named = runOfHeader(metadata)?.['pretrainedModel'];
  return typeof named === 'string' && named !== '' ? named : undefined;
}

/** The model that adapters were trained on: a name or path, as it was called where they were trained. */
export function modelNamed(metadata: Readonly<Record<string, string>>): string | undefined {
  const named = pretrainedModelOf(metadata) ?? metadata['ss_sd_model_name'];
  return named === '' || named === 'None' ? undefined : named;
}
