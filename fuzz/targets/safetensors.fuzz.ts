// Files of weights: the length of the header, its text, its entries. What is read lies inside the file.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headerLength, parseHeader } from '../../packages/engine/src/safetensors/header.ts';
import { writeSafetensors } from '../../packages/engine/src/safetensors/index.ts';
import type { RandomStream } from '../../packages/engine/src/random/index.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateBytes, mutateJsonText, oneOf } from '../mutate.ts';

const NUMBERS = [
  '1.0',
  '1e3',
  '-0',
  '-1',
  '0',
  '4',
  '24',
  '9007199254740993',
  '1e400',
  '18446744073709551615',
];

async function realFile(path: string): Promise<Buffer> {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  await writeSafetensors(
    path,
    [
      { name: 'unet.conv_in.weight', dtype: 'F32', shape: [1, 6, 1, 1], data: () => values },
      { name: 'half', dtype: 'F16', shape: [2, 3], data: () => values },
      { name: 'scale', dtype: 'BF16', shape: [], data: () => Float32Array.of(1) },
      { name: 'none', dtype: 'I64', shape: [0, 3], data: () => new BigInt64Array() },
    ],
    { format: 'pt', title: 'käse "🙂"' },
  );
  return readFile(path);
}

/** A file whose header has another number somewhere; its data stay. */
function withNumber(random: RandomStream, header: string): string {
  const numbers = [...header.matchAll(/\d+/g)];
  const { index, 0: old } = oneOf(random, numbers);
  return header.slice(0, index) + oneOf(random, NUMBERS) + header.slice(index + old.length);
}

fuzz('safetensors', {
  about: 'headers of weights',
  open: async (folder) => {
    const path = join(folder, 'model.safetensors');
    const whole = await realFile(path);
    const dataStart = 8 + headerLength(whole, whole.length, path);
    const header = whole.toString('utf8', 8, dataStart);
    const parsed: unknown = JSON.parse(header);
    const assemble = (bytes: Uint8Array): Buffer => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      return Buffer.concat([length, bytes, whole.subarray(dataStart)]);
    };
    return (random) => {
      const texts = [
        () => Buffer.from(mutateJsonText(random, parsed)),
        () => Buffer.from(withNumber(random, header)),
        () => mutateBytes(random, Buffer.from(header)),
        () => Buffer.from(header),
      ];
      const file = assemble(oneOf(random, texts)());
      const isDamaged = below(random, 4) === 0;
      check(isDamaged ? Buffer.from(mutateBytes(random, file)) : file, path);
    };
  },
});

function check(file: Buffer, path: string): void {
  const length = headerLength(file.subarray(0, 8), file.length, path);
  const { tensors } = parseHeader(file.subarray(8, 8 + length), file.length, path);
  let bytes = 0;
  for (const { name, offset, byteLength, shape } of tensors.values()) {
    const isInside = offset >= 8 + length && byteLength >= 0 && offset + byteLength <= file.length;
    if (!isInside) throw new Error(`${name} lies outside the file: ${offset} + ${byteLength}`);
    if (!shape.every(Number.isSafeInteger)) throw new Error(`${name} has the shape ${shape.join(', ')}`);
    bytes += byteLength;
  }
  if (8 + length + bytes !== file.length) throw new Error('bytes that belong to no tensor, or to two');
}
