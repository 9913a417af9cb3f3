// What the programs have in common that measure something and write it into a page.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT, SetUpError } from './setup.mjs';

const END = '<!-- end of what was measured -->';
const SHEET_WIDTH_PX = 900;

/** Lines that `pipeline …` writes to stdout. */
export function pipeline(args) {
  const bin = join(ROOT, 'packages', 'cli', 'bin', 'pipeline.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new SetUpError(`pipeline ${args.join(' ')} failed\n${stderr}`);
  return stdout.trim().split('\n');
}

/** A file of a matrix that has been run: `matrix.json`, `report/STUDY/results.json`. */
export function readOfMatrix(matrix, ...path) {
  const file = join(matrix, ...path);
  if (!existsSync(file)) {
    throw new SetUpError(
      `${file} is missing\n  hint: run the matrix first (pipeline ablate), or name its folder`,
    );
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** As tables show it, with a true minus sign. */
export function threeDecimals(value) {
  return value.toFixed(3).replace('-', '−');
}

/** A sheet as a page shows it. */
export async function writeSheet(sheet, target) {
  // sharp belongs to core, the one package that reads pictures.
  const sharp = createRequire(join(ROOT, 'packages', 'core', 'package.json'))('sharp');
  await sharp(sheet)
    .resize({ width: SHEET_WIDTH_PX, withoutEnlargement: true })
    .webp({ quality: 82 })
    .toFile(target);
}

/** Puts `text` between the two markers in `file` that name the command which measured it. */
export function replaceBlock(command, file, text) {
  const start = `<!-- measured by \`${command}\` -->`;
  const path = join(ROOT, file);
  const old = readFileSync(path, 'utf8');
  const from = old.indexOf(start);
  const to = old.indexOf(END, from);
  if (from < 0 || to < 0) throw new SetUpError(`${file} lacks the markers ${start} … ${END}`);
  writeFileSync(path, `${old.slice(0, from)}${start}\n\n${text}\n\n${old.slice(to)}`);
}
