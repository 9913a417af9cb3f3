// Reads and checks the header of a safetensors file: everything about its tensors except their values.
// Container format: u64 header length, JSON, data (https://github.com/huggingface/safetensors#format).

import { open } from 'node:fs/promises';
import { WeightsError } from '../errors.ts';
import { asFileError } from '../fileErrors.ts';
import { BYTES_PER_ELEMENT, isSafetensorsDtype, tensorByteLength, type SafetensorsDtype } from './dtype.ts';
import { problemsOfHeaderText } from './headerText.ts';

/** One tensor: a range of bytes in a file. Plain data, so it can be sent to another process. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly file: string;
  /** Absolute position of the first byte in `file`. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** The reference refuses longer headers, too (safetensors/src/tensor.rs, MAX_HEADER_SIZE). */
export const MAX_HEADER_BYTES = 100_000_000;

const HALF = 'holds half of a character (a lone surrogate)';
const HINT = 'The file is damaged or not safetensors at all: download or export it again.';

/**
 * Reads the header of a safetensors file; the tensors' bytes stay where they are.
 * @throws WeightsError with every problem found: bounds, gaps, overlaps, unknown dtypes, sizes that do not fit shapes,
 * names that stand twice; FileError when it cannot be opened
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsFile> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw asFileError(cause, path);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw damaged(path, ['it is not a file']);
    const prefix = Buffer.alloc(8);
    await file.read(prefix, 0, 8, 0);
    const header = Buffer.alloc(headerLength(prefix, stats.size, path));
    await file.read(header, 0, header.length, 8);
    return parseHeader(header, stats.size, path);
  } finally {
    await file.close();
  }
}

/**
 * Length of the header in bytes, from the first 8 bytes of a file.
 * @throws WeightsError when a file of `fileBytes` cannot hold it
 */
export function headerLength(prefix: Buffer, fileBytes: number, path: string): number {
  if (fileBytes < 8)
    throw damaged(path, [`the file has ${fileBytes} bytes; the length of the header alone takes 8`]);
  const headerBytes = prefix.readBigUInt64LE();
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
    throw damaged(path, [
      `the header claims ${headerBytes} bytes, more than the ${MAX_HEADER_BYTES} allowed`,
    ]);
  }
  const length = Number(headerBytes);
  if (8 + length > fileBytes) {
    throw damaged(path, [
      `the header claims ${length} bytes, the file has only ${fileBytes - 8} after the length`,
    ]);
  }
  return length;
}

/**
 * Checks the header of a file of `fileBytes`.
 * @param bytes the header alone, without its length
 * @throws WeightsError with every problem found
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number, path: string): SafetensorsFile {
  const text = decode(bytes);
  if (text === undefined) throw damaged(path, ['the header is not UTF-8']);
  const header = parseObject(text);
  if (header === undefined) throw damaged(path, ['the header is not a JSON object']);

  const problems = problemsOfHeaderText(text);
  const dataStart = 8 + bytes.length;
  const metadata = readMetadata(header['__metadata__'], problems);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = readEntry(name, value, path, dataStart, problems);
    if (entry !== undefined) tensors.set(name, entry);
  }
  // where an entry could not be read, its bytes would look like a gap: say only what is certain
  if (problems.length === 0) checkCoverage([...tensors.values()], dataStart, fileBytes, problems);
  if (problems.length > 0) throw damaged(path, problems);
  return { path, metadata, tensors };
}

function readMetadata(value: unknown, problems: string[]): Record<string, string> {
  // the reference takes null for none
  if (value === undefined || value === null) return {};
  const metadata: Record<string, string> = {};
  if (!isObject(value)) {
    problems.push('__metadata__ is not an object of texts');
    return metadata;
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') problems.push(`__metadata__.${key} is not a text`);
    else if (isHalfText(key + text)) problems.push(`__metadata__.${key} ${HALF}`);
    else Object.defineProperty(metadata, key, { value: text, enumerable: true, writable: true });
  }
  return metadata;
}

function readEntry(
  name: string,
  value: unknown,
  file: string,
  dataStart: number,
  problems: string[],
): TensorEntry | undefined {
  if (!isObject(value)) {
    problems.push(`${name}: the entry is not an object`);
    return undefined;
  }
  const { dtype, shape, data_offsets: offsets } = value;
  const before = problems.length;
  if (isHalfText(name)) problems.push(`${name}: the name ${HALF}`);
  if (!isSafetensorsDtype(dtype)) {
    problems.push(
      `${name}: dtype ${JSON.stringify(dtype)} is not one of ${Object.keys(BYTES_PER_ELEMENT).join(', ')}`,
    );
  }
  if (isSizes(shape)) {
    if (!isCountable(shape))
      problems.push(`${name}: shape ${JSON.stringify(shape)} has more than 2^53 elements`);
  } else problems.push(`${name}: shape ${JSON.stringify(shape)} is not a list of whole numbers >= 0`);
  if (!isSizes(offsets) || offsets.length !== 2 || (offsets[0] as number) > (offsets[1] as number)) {
    problems.push(`${name}: data_offsets ${JSON.stringify(offsets)} is not [begin, end] with begin <= end`);
  }
  if (problems.length > before) return undefined;
  const [begin, end] = offsets as [number, number];
  const entry = {
    name,
    dtype: dtype as SafetensorsDtype,
    shape: shape as number[],
    file,
    offset: dataStart + begin,
    byteLength: end - begin,
  };
  const expected = tensorByteLength(entry.dtype, entry.shape);
  if (expected === entry.byteLength) return entry;
  problems.push(
    `${name}: ${entry.dtype} [${entry.shape.join(', ')}] takes ${expected} bytes, data_offsets give ${entry.byteLength}`,
  );
  return undefined;
}

/** Every byte after the header belongs to exactly one tensor. */
function checkCoverage(
  entries: TensorEntry[],
  dataStart: number,
  fileBytes: number,
  problems: string[],
): void {
  entries.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  let previous = 'the header';
  for (const entry of entries) {
    if (entry.offset < end)
      problems.push(`${entry.name} overlaps ${previous} by ${end - entry.offset} bytes`);
    if (entry.offset > end)
      problems.push(`${entry.offset - end} bytes between ${previous} and ${entry.name} belong to no tensor`);
    if (entry.offset + entry.byteLength >= end) {
      end = entry.offset + entry.byteLength;
      previous = entry.name;
    }
  }
  const past = entries.filter((entry) => entry.offset + entry.byteLength > fileBytes);
  const [first] = past;
  if (first !== undefined) {
    problems.push(
      `the file is cut short: the header describes ${end} bytes, the file has ${fileBytes}; ${past.length} of ${entries.length} tensors reach past its end, the first is ${first.name}`,
    );
  } else if (end < fileBytes) {
    problems.push(`${fileBytes - end} bytes after ${previous} belong to no tensor`);
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sizes multiplied from the left, as the reference does, stay below 2^53: [2^40, 2^40, 0] does not. */
function isCountable(shape: readonly number[]): boolean {
  let elements = 1;
  return shape.every((size) => Number.isSafeInteger((elements *= size)));
}

/** Half of a pair of UTF-16, written as \\ud800: no UTF-8 text can hold it. */
function isHalfText(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function damaged(path: string, details: string[]): WeightsError {
  return new WeightsError('not a valid safetensors file', {
    code: 'model/damaged-file',
    where: path,
    details,
    hint: HINT,
  });
}
