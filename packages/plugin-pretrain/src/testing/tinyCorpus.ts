// Captioned pictures for tests: a coloured shape on a coloured ground, in the imagefolder layout.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, writePng } from '@likeness/core';

const COLOURS: Readonly<Record<string, readonly [number, number, number]>> = {
  red: [220, 40, 40],
  green: [40, 180, 70],
  blue: [50, 80, 220],
  white: [245, 245, 245],
};
const SHAPES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  ball: (x, y) => x * x + y * y < 0.5,
  box: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.6,
  stripe: (x) => Math.abs(x) < 0.25,
};

export interface TinyCorpusOptions {
  readonly count: number;
  /** Side, pixels. Default 32. */
  readonly side?: number;
  readonly seed?: number;
}

/** Writes pictures and `metadata.jsonl` with the columns noun, colour and ground. */
export async function writeTinyCorpus(
  folder: string,
  { count, side = 32, seed = 0 }: TinyCorpusOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const rng = createRng(seed);
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = rng.stream('corpus', 0, i).uniform(4);
    const pick = <T>(from: Readonly<Record<string, T>>, draw: number): [string, T] =>
      Object.entries(from)[Math.floor(draw * Object.keys(from).length)] as [string, T];
    const [noun, isInside] = pick(SHAPES, a);
    const [colour, inside] = pick(COLOURS, b);
    const [ground, outside] = pick(COLOURS, c);
    const data = new Uint8Array(side * side * 3);
    const size = 0.7 + 0.4 * d;
    for (let at = 0; at < side * side; at++) {
      const [x, y] = [((at % side) / side) * 2 - 1, (Math.floor(at / side) / side) * 2 - 1];
      data.set(isInside(x / size, y / size) ? inside : outside, 3 * at);
    }
    const file_name = `${String(i).padStart(4, '0')}.png`;
    await writePng(join(folder, file_name), { width: side, height: side, data });
    lines.push(JSON.stringify({ file_name, text: `a ${colour} ${noun} on ${ground}`, noun, colour, ground }));
  }
  await writeFile(join(folder, 'metadata.jsonl'), `${lines.join('\n')}\n`);
}
