// Checkpoints of a run: `checkpoints/step-N/`, each whole or absent.
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { beginFolder, bytesOf, fillFolder, readWholeFolder } from '../cache/wholeFolder.ts';
import { finishedNames } from '../cache/unfinished.ts';
import { DataError } from '../errors.ts';

export interface Checkpoint {
  /** Steps done when it was taken. */
  readonly step: number;
  readonly folder: string;
  readonly bytes: number;
}

/** A checkpoint being written. */
export interface UnfinishedCheckpoint {
  /** Temporary; write files into it. */
  readonly folder: string;
  /** Seals it under its name, then removes the oldest beyond the limit. */
  commit(): Promise<Checkpoint>;
  abandon(): Promise<void>;
}

export interface Checkpoints {
  /** `checkpoints/` of the run. */
  readonly folder: string;
  begin(step: number): Promise<UnfinishedCheckpoint>;
  /** Writes one at once; nothing stays when `write` fails. */
  save(step: number, write: (folder: string) => Promise<void>): Promise<Checkpoint>;
  /** By step; torn ones are left out. */
  list(): Promise<Checkpoint[]>;
  /** The newest whose every byte is as it was written. */
  latest(): Promise<Checkpoint | undefined>;
  /** @throws DataError with the steps there are, when this one is not there or torn */
  at(step: number): Promise<Checkpoint>;
}

/** @param totalLimit how many are kept, the newest; default all */
export function openCheckpoints(runFolder: string, totalLimit?: number): Checkpoints {
  const folder = join(runFolder, 'checkpoints');

  const list = async (): Promise<Checkpoint[]> => {
    const checkpoints: Checkpoint[] = [];
    for (const name of await finishedNames(folder)) {
      const step = stepOf(name);
      const manifest = step === undefined ? undefined : await readWholeFolder(join(folder, name), 'sizes');
      if (step !== undefined && manifest)
        checkpoints.push({ step, folder: join(folder, name), bytes: bytesOf(manifest) });
    }
    return checkpoints.sort((a, b) => a.step - b.step);
  };

  const begin = async (step: number): Promise<UnfinishedCheckpoint> => {
    const target = join(folder, `step-${step}`);
    const unfinished = await beginFolder(target, { step });
    const commit = async (): Promise<Checkpoint> => {
      const manifest = await unfinished.commit();
      if (totalLimit !== undefined) {
        for (const old of (await list()).slice(0, -totalLimit))
          await rm(old.folder, { recursive: true, force: true });
      }
      return { step, folder: target, bytes: bytesOf(manifest) };
    };
    return { folder: unfinished.folder, commit, abandon: unfinished.abandon };
  };

  const save = async (step: number, write: (folder: string) => Promise<void>): Promise<Checkpoint> => {
    const unfinished = await begin(step);
    try {
      await fillFolder({ folder: unfinished.folder, target: join(folder, `step-${step}`) }, write);
      return await unfinished.commit();
    } catch (error) {
      await unfinished.abandon();
      throw error;
    }
  };

  const latest = async (): Promise<Checkpoint | undefined> => {
    for (const checkpoint of (await list()).reverse()) {
      if (await readWholeFolder(checkpoint.folder, 'contents')) return checkpoint;
    }
    return undefined;
  };

  const at = async (step: number): Promise<Checkpoint> => {
    const there = await list();
    const found = there.find((checkpoint) => checkpoint.step === step);
    if (found && (await readWholeFolder(found.folder, 'contents'))) return found;
    throw new DataError(found ? 'the checkpoint is damaged' : 'no such checkpoint', {
      code: found ? 'checkpoint/damaged' : 'checkpoint/missing',
      where: join(folder, `step-${step}`),
      expected:
        there.length > 0
          ? `one of the steps ${there.map((one) => one.step).join(', ')}`
          : 'a run with checkpoints',
      got: String(step),
    });
  };

  return { folder, begin, save, list, latest, at };
}

/**
 * The checkpoint `--resume` names: `latest` of the run, or a checkpoint's folder (of another run too). Undefined when
 * `latest` finds nothing: the run starts afresh.
 * @throws DataError when a named folder is no whole checkpoint
 */
export async function resolveResume(resume: string, runFolder: string): Promise<Checkpoint | undefined> {
  if (resume === 'latest') return openCheckpoints(runFolder).latest();
  const folder = resolve(resume);
  const step = stepOf(basename(folder));
  if (step === undefined || basename(dirname(folder)) !== 'checkpoints') {
    throw new DataError('not a checkpoint', {
      code: 'checkpoint/missing',
      where: resume,
      expected: 'latest, or a folder RUN/checkpoints/step-N',
      got: (await stat(folder).catch(() => undefined)) ? 'another folder' : 'nothing there',
    });
  }
  return openCheckpoints(dirname(dirname(folder))).at(step);
}

function stepOf(name: string): number | undefined {
  const digits = /^step-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
