// The files of an evaluation as they are read: what is damaged is told with its line, nothing of another kind gets in.
import { DataError, parseJson } from '@likeness/core';
import { z } from 'zod';
import { JUDGE_ROLES } from '../judge.ts';
import type { EvaluationFacts, RecordLine } from './recordFiles.ts';

const byRole = <Value extends z.ZodType>(value: Value) => z.partialRecord(z.enum(JUDGE_ROLES), value);

const line = z.looseObject({
  set: z.enum(['reference', 'subject', 'class', 'unrelated']),
  maker: z.enum(['run', 'base', 'given']),
  prompt: z.string().optional(),
  text: z.string().optional(),
  seed: z.number().optional(),
  sha256: z.string(),
  file: z.string().optional(),
  features: byRole(z.int().nonnegative()),
  // A distance that could not be measured is written as null.
  distances: z.array(z.number().nullable()).optional(),
  looks: z.record(z.string(), z.record(z.string(), z.number().nullable())),
  scores: z.record(z.string(), z.number().nullable()),
});

const facts = z.looseObject({
  name: z.string(),
  classNoun: z.string().optional(),
  weights: z.record(z.string(), z.string()),
  settings: z.record(z.string(), z.unknown()),
  judges: byRole(
    z.looseObject({
      name: z.string(),
      fingerprint: z.string(),
      classes: z.array(z.string()).optional(),
    }),
  ),
  facts: z.record(z.string(), z.number()),
  texts: z.array(z.string()),
});

/** @throws DataError when it is no JSON, or says something else than an evaluation's facts */
export function parseFacts(text: string, where: string): EvaluationFacts {
  return checked<EvaluationFacts>(facts, parseJson(text, where), where);
}

/** Lines of `records.jsonl`. @throws DataError with the number of the line that is damaged */
export function parseRecordLines(text: string, where: string): RecordLine[] {
  return text.split('\n').flatMap((json, i) => {
    const place = `${where}:${i + 1}`;
    return json === '' ? [] : [checked<RecordLine>(line, parseJson(json, place), place)];
  });
}

/** The value itself, its keys in their order: it is written again. */
function checked<T>(schema: z.ZodType, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return value as T;
  throw new DataError('the records of the evaluation are damaged', {
    code: 'evaluation/damaged-records',
    where,
    details: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    hint: 'evaluate the run again',
  });
}
