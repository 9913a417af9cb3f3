// What comes from other machines and processes, checked before anything is done with it: tasks, answers, progress, lists
// of files, outcomes. A name in it never leads out of the folder it belongs to, and a text of it never moves the cursor.
import { DataError } from '@likeness/core';
import { z } from 'zod';
import type { CellOutcome } from '../cells/cellWork.ts';
import type { CellTask } from './executor.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import type { JobAnswer, JobProgress } from './queueExecutor.ts';

/** What names of cells and files look like: sha256. */
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 of 64 hex digits');
const LONGEST_TEXT = 10_000;
/** Letters that move a terminal's cursor or change its colours. */
const CONTROL = /[\p{Cc}\u2028\u2029]+/gu;
const text = z.string().transform((said) => said.slice(0, LONGEST_TEXT).replaceAll(CONTROL, ' '));
const values = z.record(z.string(), z.unknown());
const count = z.number().nonnegative();

/** A relative path of plain names, divided by `/`: no root, no drive, no `..`, no NUL, no name that is too long. */
export function isPlainPath(path: string): boolean {
  return path
    .split('/')
    .every(
      (name) =>
        name !== '' && name !== '.' && name !== '..' && name.length <= 200 && !/[\p{Cc}\\:]/u.test(name),
    );
}

const plainPath = z.string().max(1000).refine(isPlainPath, 'a path below the folder of the result');

const task = z.object({
  id: sha256,
  request: z.object({ values, evaluation: values, reference: z.array(z.string()) }),
  parts: values,
});
const timing = z.object({
  seconds: count,
  secondsPerStep: count.optional(),
  steps: count.optional(),
  peakMemoryBytes: count.optional(),
});
const failure = z.object({ reason: text, isFinal: z.boolean() });

/** Events worth their way from a worker, with what is shown of them. */
const event = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('step'),
    step: count,
    maxTrainSteps: count,
    secondsPerStep: count,
    memoryBytes: count,
  }),
  z.looseObject({ type: z.literal('stage-started'), stage: text }),
  z.looseObject({ type: z.literal('prior-image') }),
  z.looseObject({ type: z.literal('warning'), text }),
  z.looseObject({
    type: z.literal('progress'),
    stage: text,
    done: count,
    total: count,
    message: text.optional(),
  }),
]);

const progress = z.object({ worker: text, event: event.optional() });
const answer = z.union([z.object({ failure }), z.strictObject({ timing: timing.optional() })]);
const fromWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('event'), id: z.string(), event }),
  z.object({ type: z.literal('done'), id: z.string(), timing: timing.optional() }),
  z.object({ type: z.literal('failed'), id: z.string(), failure }),
  z.object({ type: z.literal('stopped'), id: z.string() }),
]);
const toWorker = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run'),
    task,
    place: z.object({
      runsFolder: z.string().min(1),
      cacheDir: z.string().optional(),
      keepRuns: z.boolean().optional(),
    }),
  }),
  z.object({ type: z.literal('stop') }),
]);
const outcome = z.object({
  measures: z.record(z.string(), z.number().nullable()),
  samples: z.array(z.object({ path: plainPath, prompt: z.string(), seed: z.number() })),
  exports: z.record(z.string(), z.string()),
  judges: z.record(z.string(), z.string()),
});

/** @throws DataError `ablation/bad-message` */
export const readTask = (value: unknown): CellTask => read(task, value, 'a cell that is asked for');
/** @throws DataError `ablation/bad-message` */
export const readAnswer = (value: unknown): JobAnswer =>
  read(answer, value, 'the answer of a worker') as JobAnswer;
/** @throws DataError `ablation/bad-message` */
export const readProgress = (value: unknown): JobProgress =>
  read(progress, value, 'the progress of a worker') as unknown as JobProgress;
/** @throws DataError `ablation/bad-message` */
export const readFromWorker = (value: unknown): FromWorker =>
  read(fromWorker, value, 'the message of a worker') as unknown as FromWorker;
/** @throws DataError `ablation/bad-message` */
export const readToWorker = (value: unknown): ToWorker => read(toWorker, value, 'the message to a worker');

/** sha256 of files by their path. @throws DataError `ablation/outside` for a name that leads elsewhere */
export function readFileList(value: unknown, where: string): Readonly<Record<string, string>> {
  const list = read(z.record(z.string(), sha256), value, 'the list of files of a result', where);
  const strange = Object.keys(list).filter((path) => !isPlainPath(path));
  if (strange.length > 0) {
    throw new DataError('names of files lead out of the result’s folder, or are none', {
      code: 'ablation/outside',
      where,
      details: strange.slice(0, 10).map((path) => JSON.stringify(path)),
      hint: 'somebody else has written into this store: remove the list, and find out who',
    });
  }
  return list;
}

/** @throws DataError when a result is not what one looks like, or names pictures elsewhere */
export function readOutcome(value: unknown, where: string): CellOutcome {
  const { measures, ...rest } = read(outcome, value, 'a result', where, 'remove it: the cell is made again');
  // JSON has no NaN: what could not be measured is null.
  const known = Object.entries(measures).map(([name, score]) => [name, score ?? Number.NaN] as const);
  return { ...rest, measures: Object.fromEntries(known) };
}

function read<T>(
  schema: z.ZodType<T>,
  value: unknown,
  what: string,
  where?: string,
  hint = 'give all machines the same version of Likeness',
): T {
  const { data, error, success } = schema.safeParse(value);
  if (success) return data;
  throw new DataError(`${what} cannot be read`, {
    code: 'ablation/bad-message',
    where,
    details: error.issues
      .slice(0, 10)
      .map(({ path, message }) => `${path.map(String).join('.') || 'all of it'}: ${message}`),
    hint,
  });
}
