// Pictures of a subject that exists only here: coloured stripes, each picture another.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@likeness/engine';
import { writePng } from '../pictures/png.ts';

export interface TinyPicturesOptions {
  /** Default 3. */
  readonly count?: number;
  /** Pixels; default 32, and square. */
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
}

/** Writes pictures into a folder. @returns their paths */
export async function writeTinyPictures(
  folder: string,
  { count = 3, width = 32, height: givenHeight, seed = 0 }: TinyPicturesOptions = {},
): Promise<string[]> {
  const height = givenHeight ?? width;
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const [red = 0, green = 0, blue = 0, waves = 0] = createRng(seed).stream('picture', 0, i).uniform(4);
    const data = new Uint8Array(width * height * 3);
    for (let at = 0; at < width * height; at++) {
      const [x, y] = [at % width, Math.floor(at / width)];
      const stripe = 0.5 + 0.5 * Math.sin((x + 2 * y) * (0.1 + waves));
      data.set([red * 255 * stripe, green * 255, blue * 255 * (1 - stripe)].map(Math.round), 3 * at);
    }
    const path = join(folder, `${i}.png`);
    await writePng(path, { width, height, data });
    paths.push(path);
  }
  return paths;
}
