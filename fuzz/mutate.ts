// Mutations of real inputs: what bad disks, torn downloads, other tools and hands do to bytes, text and JSON.
import type { RandomStream } from '../packages/engine/src/random/index.ts';

/** A whole number from 0 to `n - 1`. */
export const below = (random: RandomStream, n: number): number =>
  n <= 1 ? 0 : (random.integers(1, 0, n)[0] ?? 0);

/** One of several. @throws RangeError of none */
export function oneOf<T>(random: RandomStream, values: readonly T[]): T {
  if (values.length === 0) throw new RangeError('one of nothing');
  return values[below(random, values.length)] as T;
}

const BYTES = [0, 1, 9, 10, 13, 32, 34, 39, 44, 47, 58, 91, 92, 93, 123, 125, 127, 128, 192, 237, 254, 255];
const WORDS = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];

/** One to four of: bits flipped, bytes set, inserted, removed or doubled, cut off, a large number planted. */
export function mutateBytes(random: RandomStream, input: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(input);
  for (let times = 1 + below(random, 4); times > 0; times--) bytes = mutatedOnce(random, bytes);
  return bytes;
}

function mutatedOnce(random: RandomStream, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = below(random, bytes.length);
  const length = 1 + below(random, Math.min(64, Math.max(1, bytes.length - at)));
  const join = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(Buffer.concat(parts));
  switch (below(random, 7)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = oneOf(random, BYTES);
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return join(bytes.subarray(0, at), bytes.subarray(at + length));
    case 4:
      return join(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
    case 5:
      return join(
        bytes.subarray(0, at),
        Uint8Array.from({ length }, () => oneOf(random, BYTES)),
        bytes.subarray(at),
      );
    default: {
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(oneOf(random, WORDS));
      const planted = Buffer.from(bytes);
      word.copy(planted, at);
      return Uint8Array.from(planted);
    }
  }
}

/** Text whose UTF-8 bytes are mutated: it may hold U+FFFD, NUL and halves of brackets. */
export const mutateText = (random: RandomStream, text: string): string =>
  Buffer.from(mutateBytes(random, Buffer.from(text))).toString('utf8');

/** Values that stand where others should. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  2 ** 53,
  '',
  ' ',
  'four',
  '1e999',
  '__proto__',
  'constructor',
  'toString',
  '../../outside',
  '/etc/passwd',
  'a\u0000b',
  '\ud800',
  'x'.repeat(5000),
  [],
  {},
  [null],
  [[[]]],
  { '': '' },
  { length: -1 },
];
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', 'x', '0'];

/**
 * A JSON value with one to three places changed: replaced by something strange, removed, doubled, renamed. The value
 * that is given stays as it is.
 */
export function mutateJson(random: RandomStream, value: unknown): unknown {
  let result = structuredClone(value);
  for (let times = 1 + below(random, 3); times > 0; times--) result = changedSomewhere(random, result);
  return result;
}

function changedSomewhere(random: RandomStream, value: unknown): unknown {
  const isInner = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isInner || below(random, 6) === 0) return oneOf(random, STRANGE);
  if (Array.isArray(value)) {
    const at = below(random, value.length);
    const items = value as unknown[];
    switch (below(random, 5)) {
      case 0:
        return items.toSpliced(at, 1);
      case 1:
        return items.toSpliced(at, 0, items[at]);
      default:
        return items.with(at, changedSomewhere(random, items[at]));
    }
  }
  const entries = Object.entries(value as Record<string, unknown>);
  const at = below(random, entries.length);
  const [key, inner] = entries[at] as [string, unknown];
  switch (below(random, 6)) {
    case 0:
      return withEntries(entries.toSpliced(at, 1));
    case 1:
      return withEntries(entries.with(at, [oneOf(random, NAMES), inner]));
    case 2:
      return withEntries([...entries, [oneOf(random, NAMES), oneOf(random, STRANGE)]]);
    default:
      return withEntries(entries.with(at, [key, changedSomewhere(random, inner)]));
  }
}

/** An object with own keys of any name, as JSON.parse makes them. */
function withEntries(entries: readonly (readonly [string, unknown])[]): unknown {
  const object = {};
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

/** JSON text of a mutated value; now and then its bytes are mutated, too, or a key stands twice. */
export function mutateJsonText(random: RandomStream, value: unknown): string {
  const text = JSON.stringify(mutateJson(random, value)) ?? '';
  switch (below(random, 8)) {
    case 0:
      return mutateText(random, text);
    case 1:
      return `\uFEFF${text}`;
    case 2:
      return text.replace(/"([^"]+)":([^,{}[\]]+)/, '"$1":null,"$1":$2');
    default:
      return text;
  }
}
