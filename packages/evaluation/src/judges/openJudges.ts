// Judges from local folders, by role. Everything that can be wrong with them is found here, before anything is sampled;
// TensorFlow starts when they are asked.
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Mode } from '@likeness/core';
import { loadImageEncoder } from '../encoders/loadEncoder.ts';
import type { JudgeRole, Judges } from '../judge.ts';
import { openLpips } from '../lpips/openLpips.ts';
import { classifierJudge, imageJudge, textJudge } from './encoderJudge.ts';

export interface OpenJudgesOptions {
  readonly mode?: Mode;
  readonly threads?: number;
  /** Of CLIP's tokenizer, where its own folder has none. */
  readonly tokenizerFolder?: string;
  /** What the judges of folders are called in records and tables, by role. Default: the folder's name. */
  readonly names?: Readonly<Partial<Record<JudgeRole, string>>>;
}

/** A folder's name; the run's, of what a run exported. */
const nameOf = (folder: string): string =>
  basename(resolve(folder) === join(resolve(folder, '..'), 'export') ? resolve(folder, '..') : folder);

const hasTokenizer = (folder: string): boolean =>
  ['tokenizer.json', 'vocab.json'].some((name) => existsSync(join(folder, name)));

/**
 * Opens the judges that are named.
 * @throws WeightsError, DataError or ConfigError for a folder that holds something else
 */
export async function openJudges(
  folders: Readonly<Partial<Record<JudgeRole, string | undefined>>>,
  { mode = 'graph', threads, tokenizerFolder, names = {} }: OpenJudgesOptions = {},
): Promise<Judges> {
  const machine = { mode, ...(threads === undefined ? {} : { threads }) };
  const { dino, clip, lpips, classifier } = folders;
  const called = (role: JudgeRole, folder: string): { name: string } => ({
    name: names[role] ?? nameOf(folder),
  });
  const load = (role: JudgeRole, folder: string) =>
    loadImageEncoder(folder, {
      name: `judge.${role}`,
      ...(role === 'clip' && tokenizerFolder !== undefined && !hasTokenizer(folder)
        ? { tokenizerFolder }
        : {}),
    });
  return {
    ...(dino === undefined
      ? {}
      : { dino: imageJudge(await load('dino', dino), { ...machine, ...called('dino', dino) }) }),
    ...(clip === undefined
      ? {}
      : { clip: textJudge(await load('clip', clip), { ...machine, ...called('clip', clip) }) }),
    ...(lpips === undefined ? {} : { lpips: await openLpips(lpips, machine) }),
    ...(classifier === undefined
      ? {}
      : {
          classifier: classifierJudge(await load('classifier', classifier), {
            ...machine,
            ...called('classifier', classifier),
          }),
        }),
  };
}
