// Checkpoints of a run: `checkpoints/step-N/`, each whole or absent.
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { renameDurably } from '@likeness/engine';
import { beginFolder, bytesOf, fillFolder, lookAtFolder, readWholeFolder } from '../cache/wholeFolder.ts';
import { finishedNames } from '../cache/unfinished.ts';
import { DataError, withFileErrors, type Warning } from '../errors.ts';

export interface Checkpoint {
  /** Steps done when it was taken. */
  readonly step: number;
  readonly folder: string;
  readonly bytes: number;
}

/** A checkpoint that is not as it was written. */
export interface DamagedCheckpoint {
  readonly folder: string;
  /** What is wrong: `state.safetensors: 12 bytes instead of 92`. */
  readonly damage: string;
}

/** Where a run goes on. */
export interface Recovery {
  /** Undefined: from the start. */
  readonly from: Checkpoint | undefined;
  /** Passed over, the newest first. */
  readonly damaged: readonly DamagedCheckpoint[];
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
  /** The same, and the newer ones that are damaged. */
  recover(): Promise<Recovery>;
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

  const recover = async (): Promise<Recovery> => {
    const steps = (await finishedNames(folder)).map(stepOf).filter((step) => step !== undefined);
    const damaged: DamagedCheckpoint[] = [];
    for (const step of steps.toSorted((a, b) => b - a)) {
      const found = await look(step);
      if ('bytes' in found) return { from: found, damaged };
      damaged.push(found);
    }
    return { from: undefined, damaged };
  };

  const look = async (step: number): Promise<Checkpoint | DamagedCheckpoint> => {
    const at = join(folder, `step-${step}`);
    const found = await lookAtFolder(at, 'contents');
    if ('damage' in found) return { folder: at, damage: found.damage };
    return { step, folder: at, bytes: bytesOf(found.manifest) };
  };

  const latest = async (): Promise<Checkpoint | undefined> => (await recover()).from;

  const at = async (step: number): Promise<Checkpoint> => {
    const names = await finishedNames(folder);
    const isThere = names.includes(`step-${step}`);
    const found = isThere ? await look(step) : undefined;
    if (found !== undefined && 'bytes' in found) return found;
    const whole = (await list()).filter((one) => one.step !== step);
    throw new DataError(found ? 'the checkpoint is damaged' : 'no such checkpoint', {
      code: found ? 'checkpoint/damaged' : 'checkpoint/missing',
      where: join(folder, `step-${step}`),
      expected:
        whole.length > 0
          ? `one of the steps ${whole.map((one) => one.step).join(', ')}`
          : 'a run with checkpoints',
      got: found?.damage ?? String(step),
      hint: whole.length > 0 ? 'name another step' : 'start the run again',
    });
  };

  return { folder, begin, save, list, latest, recover, at };
}

/**
 * Where `--resume` goes on: at the `latest` checkpoint of the run that is whole, or at a named one (of another run, too).
 * From the start where `latest` finds nothing.
 * @throws DataError when a named folder is no whole checkpoint
 */
export async function resolveResume(resume: string, runFolder: string): Promise<Recovery> {
  if (resume === 'latest') return openCheckpoints(runFolder).recover();
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
  return { from: await openCheckpoints(dirname(dirname(folder))).at(step), damaged: [] };
}

/**
 * Moves damaged checkpoints out of the way, since their steps come again, and keeps them: `damaged-step-4`.
 * @returns a warning for each, for whoever wonders why a run starts further back
 */
export async function setDamagedAside({ from, damaged }: Recovery): Promise<Warning[]> {
  const warnings: Warning[] = [];
  for (const { folder, damage } of damaged) {
    const kept = await freeName(join(dirname(folder), `damaged-${basename(folder)}`));
    await withFileErrors(folder, () => renameDurably(folder, kept));
    const goesOn = from === undefined ? 'starts again from step 0' : `goes on from step ${from.step}`;
    warnings.push({
      code: 'checkpoint/passed-over',
      text: `${folder} is damaged (${damage}) and is passed over: the run ${goesOn}. It is kept as ${basename(kept)}.`,
    });
  }
  return warnings;
}

async function freeName(path: string): Promise<string> {
  for (let count = 1; ; count++) {
    const name = count === 1 ? path : `${path}-${count}`;
    if ((await stat(name).catch(() => undefined)) === undefined) return name;
  }
}

function stepOf(name: string): number | undefined {
  const digits = /^step-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
