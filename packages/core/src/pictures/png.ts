// PNG files with text in them, for other tools (`parameters`, as A1111 writes and every viewer reads) and for
// ourselves (`likeness`, JSON). The same picture and text always give the same bytes: no clock, no host.
import { readFile } from 'node:fs/promises';
import { crc32, inflateSync } from 'node:zlib';
import { writeFileWhole } from '@likeness/engine';
import sharp from 'sharp';
import { DataError, withFileErrors } from '../errors.ts';
import type { RgbImage } from '../data/rgbImage.ts';

/** Keyword (1 to 79 Latin-1 characters) to text. */
export type PngText = Readonly<Record<string, string>>;

/** All texts of a file together: metadata has no reason to be larger. */
const MOST_TEXT_BYTES = 16 * 2 ** 20;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The bytes of a PNG; texts stand right after the header, in the order given. */
export async function encodePng(image: RgbImage, text: PngText = {}): Promise<Uint8Array> {
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const png = await sharp(image.data, { raw, limitInputPixels: false }).png().toBuffer();
  const headerEnd = SIGNATURE.length + 12 + 13; // the IHDR chunk always comes first and holds 13 bytes
  const chunks = Object.entries(text).map(([keyword, value]) => textChunk(keyword, value));
  return Buffer.concat([png.subarray(0, headerEnd), ...chunks, png.subarray(headerEnd)]);
}

/** Writes a PNG: the file is whole or absent, and flushed when this returns. */
export async function writePng(path: string, image: RgbImage, text: PngText = {}): Promise<void> {
  await writeFileWhole(path, await encodePng(image, text));
}

/**
 * All texts of a PNG (tEXt, zTXt and iTXt), from a path or its bytes.
 * @throws DataError when it is no PNG, a chunk is damaged, or its texts unpack to more than 16 MiB; FileError when it
 * cannot be read
 */
export async function readPngText(source: string | Uint8Array): Promise<Record<string, string>> {
  const bytes = Buffer.from(
    typeof source === 'string' ? await withFileErrors(source, () => readFile(source)) : source,
  );
  const where = typeof source === 'string' ? source : 'picture';
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
    throw new DataError('not a PNG file', { code: 'data/not-a-png', where, expected: 'the PNG signature' });
  }
  const texts = new Map<string, string>();
  let room = MOST_TEXT_BYTES;
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) {
      throw damaged(where, at, 'its checksum or its length is wrong');
    }
    const type = bytes.toString('latin1', at + 4, at + 8);
    try {
      const entry = parseText(type, bytes.subarray(at + 8, end - 4), room);
      if (entry) texts.set(entry.keyword, entry.text);
      room -= entry?.text.length ?? 0;
    } catch (cause) {
      throw damaged(where, at, `its text does not unpack (${String(cause)})`, cause);
    }
    at = end;
  }
  return Object.fromEntries(texts);
}

function damaged(where: string, at: number, what: string, cause?: unknown): DataError {
  return new DataError('a damaged PNG file', {
    code: 'data/damaged-png',
    where,
    got: `a broken chunk at byte ${String(at)}: ${what}`,
    hint: 'get the file again, or save it again in a picture editor',
    cause,
  });
}

/** tEXt where Latin-1 is enough, as Pillow does, else iTXt (uncompressed UTF-8). */
function textChunk(keyword: string, text: string): Buffer {
  const name = Buffer.from(keyword, 'latin1');
  if (!/^[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword)) {
    throw new RangeError(`a PNG keyword has 1 to 79 Latin-1 characters, got ${JSON.stringify(keyword)}`);
  }
  // eslint-disable-next-line no-control-regex -- the question is whether Latin-1 can hold it
  return /^[\x01-\xff]*$/.test(text)
    ? chunk('tEXt', Buffer.concat([name, Buffer.of(0), Buffer.from(text, 'latin1')]))
    : chunk('iTXt', Buffer.concat([name, Buffer.of(0, 0, 0, 0, 0), Buffer.from(text, 'utf8')]));
}

/** Length, type, data, and the checksum over type and data. */
function chunk(type: string, data: Buffer): Buffer {
  const result = Buffer.alloc(12 + data.length);
  result.writeUInt32BE(data.length, 0);
  result.write(type, 4, 'latin1');
  data.copy(result, 8);
  result.writeUInt32BE(crc32(result.subarray(4, 8 + data.length)), 8 + data.length);
  return result;
}

function parseText(type: string, data: Buffer, room: number): { keyword: string; text: string } | undefined {
  const split = data.indexOf(0);
  if (split < 0 || !['tEXt', 'zTXt', 'iTXt'].includes(type)) return undefined;
  const keyword = data.toString('latin1', 0, split);
  if (type === 'tEXt') return { keyword, text: data.toString('latin1', split + 1) };
  if (type === 'zTXt') return { keyword, text: inflate(data.subarray(split + 2), room).toString('latin1') };
  // iTXt: compression flag and method, then language and translated keyword, each ending in 0
  const compressed = data[split + 1] === 1;
  const language = data.indexOf(0, split + 3);
  const body = data.subarray(data.indexOf(0, language + 1) + 1);
  return { keyword, text: (compressed ? inflate(body, room) : body).toString('utf8') };
}

/** @param room bytes it may unpack to */
const inflate = (data: Buffer, room: number): Buffer =>
  inflateSync(data, { maxOutputLength: Math.max(1, room) });

export interface GenerationParameters {
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly steps: number;
  readonly sampler: string;
  readonly guidanceScale: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly model?: string;
  /** Adapters by file name without its ending, with their strengths. */
  readonly loras?: readonly { readonly name: string; readonly weight: number }[];
}

/** The text A1111 keeps under `parameters`, which other tools parse: prompt, negative prompt, one line of settings. */
export function formatParameters(parameters: GenerationParameters): string {
  const {
    negativePrompt,
    steps,
    sampler,
    guidanceScale,
    seed,
    width,
    height,
    model,
    loras = [],
  } = parameters;
  // A1111 has adapters in the prompt.
  const prompt = [parameters.prompt, ...loras.map(({ name, weight }) => `<lora:${name}:${weight}>`)].join(
    ' ',
  );
  const settings = [
    `Steps: ${String(steps)}`,
    `Sampler: ${sampler}`,
    `CFG scale: ${String(guidanceScale)}`,
    `Seed: ${String(seed)}`,
    `Size: ${String(width)}x${String(height)}`,
    ...(model ? [`Model: ${model}`] : []),
  ];
  return [
    prompt,
    ...(negativePrompt ? [`Negative prompt: ${negativePrompt}`] : []),
    settings.join(', '),
  ].join('\n');
}
