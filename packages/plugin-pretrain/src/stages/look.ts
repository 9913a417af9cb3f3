// Pictures of a run as it stands: a sheet, and samples as files of their own.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writePng, writeSheet } from '@likeness/core';
import type { PretrainState } from './context.ts';

/** @returns the sheet's path; undefined when the objective has nothing to show */
export async function writeLook(state: PretrainState, step: number): Promise<string | undefined> {
  const { objective, machine, folder, emit, network } = state;
  const look = await objective.look?.(machine.program);
  if (look === undefined) return undefined;
  const target = folder.samplesFolder(step);
  await mkdir(target, { recursive: true });
  const pictures: { path: string; prompt: string; seed: number }[] = [];
  for (const [index, { prompt, seed, image }] of look.samples.entries()) {
    const path = join(target, `${String(index).padStart(2, '0')}-seed${seed}.png`);
    await writePng(path, image, { parameters: `${prompt}\nSeed: ${seed}` });
    pictures.push({ path, prompt, seed });
  }
  const sheet = join(target, 'sheet.png');
  await writeSheet(sheet, look.rows, { title: `${network}, step ${step}`, cellPx: 128 });
  emit({ type: 'samples-written', step, sheet, pictures });
  return sheet;
}
