// What a command writes appears whole or not at all: it is written beside its place under another name and then moved.
import { rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { beginDraft, ConfigError, flushFolder, flushTree, makeFolder } from '@likeness/core';
import { displayPath } from '../terminal/format.ts';
import { stopOnSignals } from '../terminal/stopping.ts';

export interface WholeOutputOptions {
  readonly overwrite?: boolean;
}

/**
 * @throws ConfigError when something stands there and may not be replaced; before anything is read
 */
export async function refuseExisting(
  output: string,
  { overwrite = false }: WholeOutputOptions,
): Promise<void> {
  const there = await stat(output).catch(() => undefined);
  if (there === undefined) return;
  const isFile = output.endsWith('.safetensors');
  if (there.isFile() !== isFile) {
    throw new ConfigError(`a ${there.isFile() ? 'file' : 'folder'} stands there`, {
      code: 'file/exists',
      where: displayPath(output),
      expected: isFile ? 'the name of a file' : 'the name of a folder',
    });
  }
  if (overwrite || (there.isDirectory() && (await readdir(output)).length === 0)) return;
  throw new ConfigError('something stands there already', {
    code: 'file/exists',
    where: displayPath(output),
    hint: 'choose another name, or say --overwrite',
  });
}

/**
 * Lets `write` write a file or folder, and moves it to its place when it is whole. In a folder that exists, what has the
 * names of what was written is replaced and everything else stays.
 *
 * The first signal (Ctrl-C, SIGTERM, SIGHUP) aborts the work, a second ends the process; neither leaves anything behind.
 * @param output a .safetensors file, beside which others may be written, or a folder
 * @returns what `write` returned; undefined after a signal
 */
export async function writeWhole<T>(
  output: string,
  write: (path: string, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const target = resolve(output);
  const draft = await beginDraft(target);
  const scratch = draft.folder;
  const isFile = target.endsWith('.safetensors');
  const inner = join(scratch, basename(target));
  const stop = stopOnSignals({
    nothingToLose: true,
    atOnce: () => {
      for (const left of [scratch, `${scratch}.lock`]) rmSync(left, { recursive: true, force: true });
    },
  });
  try {
    await mkdir(isFile ? scratch : inner, { recursive: true });
    const result = await write(inner, stop.signal);
    stop.signal.throwIfAborted();
    await moveAll(isFile ? scratch : inner, isFile ? dirname(target) : target);
    return result;
  } catch (error) {
    if (stop.signal.aborted) return undefined;
    throw error;
  } finally {
    stop.forget();
    await draft.end();
  }
}

async function moveAll(from: string, to: string): Promise<void> {
  await flushTree(from);
  await makeFolder(to);
  for (const name of await readdir(from)) {
    await rm(join(to, name), { recursive: true, force: true });
    await rename(join(from, name), join(to, name));
  }
  await flushFolder(to);
}
