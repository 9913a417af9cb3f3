// A cell's measures, and the pictures its report shows.
import { cp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CellOutcome, CellPlace, PreparedCell } from '@likeness/ablation';
import type { ResolvedConfig } from '@likeness/core';
import {
  byPrompt,
  EVALUATION_FOLDER,
  select,
  type EvaluationInput,
  type Evidence,
  type PictureRecord,
} from '@likeness/evaluation';
import { evaluateRun } from '../evaluate/evaluateRun.ts';

/** So many prompts of the subject stand in a report's grid, and the class beside them. */
const SHOWN_PROMPTS = 5;

/**
 * What a cell's evaluation is asked: the matrix's settings, with what follows from the cell. Seeds are the same for all
 * cells.
 */
export function evaluationOf(
  { evaluation, reference }: PreparedCell['request'],
  { threads }: Pick<ResolvedConfig, 'threads'>,
): EvaluationInput {
  return { threads, ...(reference.length > 0 ? { reference: [...reference] } : {}), ...evaluation };
}

export async function evaluateCell(
  { request }: PreparedCell,
  config: ResolvedConfig,
  { runFolder, resultFolder, cacheDir, signal, emit }: CellPlace,
): Promise<Omit<CellOutcome, 'exports'>> {
  const evaluation = await evaluateRun({ runDir: runFolder }, evaluationOf(request, config), {
    cacheDir,
    signal,
    withoutJudges: true,
    onProgress: (message, done, total) => {
      emit({ type: 'progress', stage: 'measuring', done, total, unit: 'pictures', message });
    },
  });
  const target = join(resultFolder, EVALUATION_FOLDER);
  await rm(target, { recursive: true, force: true });
  await cp(evaluation.folder, target, {
    recursive: true,
    // The base model's pictures are the same for every cell, and in the cache; a folder's seal is made anew.
    filter: (path) => !/^base-\d+\.png$/.test(basename(path)) && basename(path) !== 'manifest.json',
  });
  const { measures, judges } = evaluation;
  return { measures, judges, samples: shownOf(evaluation.evidence) };
}

/** The first picture of some prompts of the subject, and of its class. */
function shownOf(evidence: Evidence): CellOutcome['samples'] {
  const first = (records: readonly PictureRecord[]): PictureRecord[] =>
    [...byPrompt(records).values()].flatMap(([record]) => record ?? []);
  const subject = first(select(evidence, 'subject')).slice(0, SHOWN_PROMPTS);
  const ofClass = first(select(evidence, 'class')).slice(0, 1);
  return [...subject, ...ofClass].flatMap(({ file, prompt = '', text = prompt, seed = 0, set }) =>
    file === undefined
      ? []
      : // By the text without the word that names the subject: one column for cells that call it differently.
        [{ path: `${EVALUATION_FOLDER}/${file}`, prompt: set === 'class' ? prompt : text, seed }],
  );
}

/** How many pictures an evaluation makes of a cell, and of the base model once. */
export function evaluationPictures(
  { evaluation }: PreparedCell['request'],
  isBundled: boolean,
): { readonly ofCell: number; readonly ofBase: number } {
  const said = evaluation as EvaluationInput;
  const prompts = Array.isArray(said.prompts) ? said.prompts.length : PAPER_PROMPTS;
  const unrelated = said.unrelatedPrompts?.length ?? (isBundled ? BUNDLED_UNRELATED : USUAL_UNRELATED);
  const beside = (said.numClassImages ?? 16) + unrelated * (said.imagesPerUnrelatedPrompt ?? 2);
  return { ofCell: prompts * (said.imagesPerPrompt ?? 4) + beside, ofBase: beside };
}

/** As many as the DreamBooth paper has for a subject; the bundled model's are as many. */
const PAPER_PROMPTS = 25;
const BUNDLED_UNRELATED = 10;
const USUAL_UNRELATED = 10;
