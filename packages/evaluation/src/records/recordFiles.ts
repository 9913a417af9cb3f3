// The records of an evaluation as files: `records.jsonl`, a line a picture, `features.safetensors` with the rows that
// lines name, `evaluation.json` with who judged what. Neither times nor places of a machine, so equal runs give equal bytes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  asFileError,
  DataError,
  isFileSystemError,
  readSafetensorsHeader,
  readTensor,
  stableJson,
  writeFileWhole,
  writeSafetensors,
} from '@likeness/core';
import { rowsOf, joined } from '../judges/batches.ts';
import { JUDGE_ROLES, type JudgeRole } from '../judge.ts';
import type { Measured } from '../metrics/computeMeasures.ts';
import { parseFacts, parseRecordLines } from './parseRecords.ts';
import type { Evidence, PictureRecord } from './record.ts';

export const RECORDS = 'records.jsonl';
export const FEATURES = 'features.safetensors';
export const FACTS = 'evaluation.json';
export const MEASURES = 'measures.json';
const TEXTS = 'clip.text';

/** A line of `records.jsonl`. */
export interface RecordLine extends Omit<PictureRecord, 'features'> {
  /** Row of each judge's tensor in `features.safetensors`. */
  readonly features: Readonly<Partial<Record<JudgeRole, number>>>;
  /** By metric: what measures are means of. Made again with them. */
  readonly scores: Readonly<Record<string, number>>;
}

/** What stands in `evaluation.json` beside the records. */
export interface EvaluationFacts {
  /** Recipe or model. */
  readonly name: string;
  readonly classNoun?: string;
  /** Of model, base model and what is attached: sha256. */
  readonly weights: Readonly<Record<string, string>>;
  /** Settings with effect on the pictures. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly judges: Evidence['judges'];
  readonly facts: Evidence['facts'];
  /** CLIP's texts, in the order of rows of the tensor `clip.text`. */
  readonly texts: readonly string[];
}

/** Writes everything above the pictures into a folder. */
export async function writeEvidence(
  folder: string,
  evidence: Evidence,
  measured: Measured,
  facts: Omit<EvaluationFacts, 'judges' | 'facts' | 'texts' | 'classNoun'>,
): Promise<void> {
  const rows: Partial<Record<JudgeRole, Float32Array[]>> = {};
  const lines = evidence.pictures.map((record): RecordLine => {
    const at: Partial<Record<JudgeRole, number>> = {};
    for (const role of JUDGE_ROLES) {
      const feature = record.features[role];
      if (feature === undefined) continue;
      const known = (rows[role] ??= []);
      at[role] = known.push(feature) - 1;
    }
    return { ...record, features: at, scores: measured.scores.get(record) ?? {} };
  });
  const texts = [...evidence.texts.values()];
  const tensors = [...Object.entries(rows), ...(texts.length > 0 ? [[TEXTS, texts] as const] : [])];
  await writeSafetensors(
    join(folder, FEATURES),
    tensors.map(([name, features]) => ({
      name,
      dtype: 'F32' as const,
      shape: [features.length, features[0]?.length ?? 0],
      data: () => joined(features),
    })),
  );
  const about: EvaluationFacts = {
    ...facts,
    ...(evidence.classNoun === undefined ? {} : { classNoun: evidence.classNoun }),
    judges: evidence.judges,
    facts: evidence.facts,
    texts: [...evidence.texts.keys()],
  };
  await writeFile(join(folder, FACTS), `${JSON.stringify(sorted(about), null, 2)}\n`);
  await writeMeasures(folder, lines, measured, evidence);
}

/**
 * Reads what `writeEvidence` wrote.
 * @throws DataError when it is missing or damaged
 */
export async function readEvidence(folder: string): Promise<{ evidence: Evidence; facts: EvaluationFacts }> {
  const facts = parseFacts(await readText(join(folder, FACTS)), join(folder, FACTS));
  const { tensors } = await readSafetensorsHeader(join(folder, FEATURES));
  const rows = new Map<string, Float32Array[]>();
  for (const [name, entry] of tensors) rows.set(name, rowsOf(await readTensor(entry), entry.shape[1] ?? 1));
  const lines = parseRecordLines(await readText(join(folder, RECORDS)), join(folder, RECORDS));
  const pictures = lines.map(({ features: at, scores: _scores, ...record }, number): PictureRecord => {
    const features: Partial<Record<JudgeRole, Float32Array>> = {};
    for (const role of JUDGE_ROLES) {
      const row = at[role];
      if (row === undefined) continue;
      const feature = rows.get(role)?.[row];
      if (feature === undefined) {
        throw new DataError('records and features do not belong together', {
          code: 'evaluation/damaged-records',
          where: `${join(folder, RECORDS)}:${number + 1}`,
          expected: `row ${row} of ${role} in ${FEATURES}`,
          got: `${rows.get(role)?.length ?? 0} rows`,
        });
      }
      features[role] = feature;
    }
    return { ...record, features };
  });
  const texts = new Map(facts.texts.map((text, i) => [text, rows.get(TEXTS)?.[i] ?? new Float32Array()]));
  const { judges, facts: numbers, classNoun } = facts;
  const evidence = {
    pictures,
    texts,
    judges,
    facts: numbers,
    ...(classNoun === undefined ? {} : { classNoun }),
  };
  return { evidence, facts };
}

/** Measures and scores again, the records left as they are. */
export async function rewriteMeasures(folder: string, evidence: Evidence, measured: Measured): Promise<void> {
  const old = parseRecordLines(await readText(join(folder, RECORDS)), join(folder, RECORDS));
  const lines = old.map((line, i): RecordLine => {
    const record = evidence.pictures[i];
    const scores = record === undefined ? {} : (measured.scores.get(record) ?? {});
    return { ...line, scores };
  });
  await writeMeasures(folder, lines, measured, evidence);
}

async function writeMeasures(
  folder: string,
  lines: readonly RecordLine[],
  { measures, leftOut, perPrompt }: Measured,
  { judges }: Evidence,
): Promise<void> {
  await writeFileWhole(join(folder, RECORDS), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const told = { measures, judges: sorted(judges), leftOut, perPrompt };
  await writeFileWhole(join(folder, MEASURES), `${JSON.stringify(told, null, 2)}\n`);
}

/** With keys in one order, whatever was read from where. */
const sorted = (value: object): unknown => JSON.parse(stableJson(value));

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (!isFileSystemError(cause) || cause.code !== 'ENOENT') throw asFileError(cause, path);
    throw new DataError('no records of an evaluation here', {
      code: 'evaluation/no-records',
      where: path,
      expected: 'what pipeline evaluate writes',
      got: 'no such file',
      hint: 'evaluate the run without --recompute first',
      cause,
    });
  }
}
