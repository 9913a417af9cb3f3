// `npm run parity` on an image-transform folder: our decoding and preprocessing beside the reference's pixels.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor, readTensorRaw } from '@likeness/engine';
import { DataError } from '../errors.ts';
import { decodeImage } from './decodeImage.ts';
import type { RgbImage } from './rgbImage.ts';
import { dreamBoothPixels, resizedSize, textualInversionPixels, type Size } from './transform.ts';

/** One compared array: the largest differences and whether they are within tolerance. */
export interface Comparison {
  readonly name: string;
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly tolerance: string;
  readonly ok: boolean;
  readonly note?: string;
}

interface ImageCase {
  readonly upright_size?: readonly number[];
  readonly resized_size?: readonly number[];
}

interface ImageFixture {
  readonly size: number;
  readonly files: Readonly<Record<string, ImageCase>>;
}

interface ExpectedArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

/** One 8-bit level in [-1, 1], and a little for float32's own rounding. */
const ONE_LEVEL = 2 / 255 + 1e-6;

/**
 * Compares every case of `image-transform.json` (any file names, any size) with `expected.safetensors` beside it.
 *
 * Lossless files must decode exactly. JPEG may be two levels off, since decoders differ in their inverse DCT and
 * chroma upsampling (sharp's and Pillow's agree exactly today); that is carried on to the transformed pixels.
 * @param folder the image-transform folder, or the fixtures folder that holds it
 */
export async function* checkImages(folder: string): AsyncIterable<Comparison> {
  const place = await findFixture(folder);
  const fixture = JSON.parse(await readFile(join(place, 'image-transform.json'), 'utf8')) as ImageFixture;
  const expected = await readArrays(join(place, 'expected.safetensors'));
  for (const [file, sizes] of Object.entries(fixture.files)) {
    let image: RgbImage;
    try {
      image = await decodeImage(join(place, file), { alpha: 'drop' });
    } catch (error) {
      yield failure(`image-transform/${file}`, error instanceof Error ? error.message : String(error));
      continue;
    }
    yield* checkSizes(file, image, sizes, fixture.size);
    for (const [key, array] of expected) {
      if (!key.startsWith(`${file}.`)) continue;
      yield checkArray(file, key.slice(file.length + 1), image, fixture.size, array);
    }
  }
}

async function findFixture(folder: string): Promise<string> {
  for (const place of [folder, join(folder, 'image-transform')]) {
    const found = await readFile(join(place, 'image-transform.json')).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  throw new DataError('no image fixtures here', {
    code: 'data/no-reference-numbers',
    where: folder,
    expected: 'image-transform.json',
    got: 'no such file',
  });
}

function* checkSizes(file: string, image: Size, sizes: ImageCase, size: number): Iterable<Comparison> {
  const ours = { upright_size: image, resized_size: resizedSize(image, size) };
  for (const key of ['upright_size', 'resized_size'] as const) {
    const wanted = sizes[key];
    if (wanted === undefined) continue;
    yield compare(`image-transform/${file}.${key}`, [ours[key].width, ours[key].height], wanted, 0);
  }
}

function checkArray(
  file: string,
  what: string,
  image: RgbImage,
  size: number,
  expected: ExpectedArray,
): Comparison {
  const name = `image-transform/${file}.${what}`;
  const lossy = /\.(jpe?g|avif)$/i.test(file);
  const planes = expected.shape[0] === 3 && what !== 'rgb';
  const inOrder = (pixels: Float32Array): Float32Array => (planes ? toPlanes(pixels) : pixels);
  switch (what) {
    case 'rgb':
      return compare(name, image.data, expected.values, lossy ? 2 : 0);
    case 'dreambooth':
    case 'flipped': {
      const pixels = dreamBoothPixels(image, { size, flip: what === 'flipped' });
      return compare(name, inOrder(pixels), expected.values, lossy ? 2 * ONE_LEVEL : ONE_LEVEL);
    }
    case 'squash_bicubic':
      return compare(
        name,
        inOrder(textualInversionPixels(image, { size })),
        expected.values,
        lossy ? 2 * ONE_LEVEL : ONE_LEVEL,
      );
    default:
      return {
        name,
        maxAbs: NaN,
        maxRel: NaN,
        tolerance: 'not covered',
        ok: true,
        note: `no such transform here: ${what}`,
      };
  }
}

/** HWC to CHW, the layout of the fixtures. */
function toPlanes(pixels: Float32Array): Float32Array {
  const area = pixels.length / 3;
  return Float32Array.from(pixels, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)] ?? NaN);
}

function compare(
  name: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  atol: number,
): Comparison {
  if (got.length !== expected.length) {
    return failure(name, `expected ${String(expected.length)} values, got ${String(got.length)}`);
  }
  let maxAbs = 0;
  let maxRel = 0;
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] ?? NaN;
    const difference = Math.abs((got[i] ?? NaN) - wanted);
    if (Number.isNaN(difference)) return failure(name, `NaN at index ${String(i)}`);
    maxAbs = Math.max(maxAbs, difference);
    if (wanted !== 0) maxRel = Math.max(maxRel, difference / Math.abs(wanted));
  }
  const tolerance = atol === 0 ? 'exact' : `atol ${String(Number(atol.toPrecision(3)))}`;
  return { name, maxAbs, maxRel, tolerance, ok: maxAbs <= atol };
}

function failure(name: string, note: string): Comparison {
  return { name, maxAbs: NaN, maxRel: NaN, tolerance: 'exact', ok: false, note };
}

async function readArrays(path: string): Promise<Map<string, ExpectedArray>> {
  const { tensors } = await readSafetensorsHeader(path);
  const arrays = new Map<string, ExpectedArray>();
  for (const [key, entry] of tensors) {
    const values = entry.dtype === 'U8' ? await readTensorRaw(entry) : await readTensor(entry);
    arrays.set(key, { shape: entry.shape, values });
  }
  return arrays;
}
