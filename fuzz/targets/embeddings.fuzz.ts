// Files of learned vectors: keys, shapes, types, the word in the header; and records of merges.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensorsHeader } from '../../packages/engine/src/safetensors/index.ts';
import { readUndoRecord } from '../../packages/plugin-lora/src/weights/undoRecord.ts';
import { readEmbedding } from '../../packages/plugin-textual-inversion/src/readEmbedding.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateBytes, mutateJsonText, mutateText, oneOf } from '../mutate.ts';

const WORDS = ['<cat>', 'emb_params', 'clip_l', 'clip_g', '*', '', ' ', '__proto__', 'a\u0007b', '../../x'];
const TYPES = ['F32', 'F16', 'BF16', 'F64', 'I64', 'U8', 'BOOL', 'F8_E4M3', 'C64'] as const;
const SIZES = [0, 1, 2, 5, 32];

fuzz('embeddings', {
  about: 'learned vectors',
  open: (folder) => {
    const path = join(folder, 'my-cat.safetensors');
    return async (random) => {
      const count = oneOf(random, [1, 1, 1, 2, 0]);
      const names = [...new Set(Array.from({ length: count }, () => oneOf(random, WORDS)))];
      const tensors = names.map((name) => ({
        name,
        dtype: oneOf(random, TYPES),
        shape: Array.from({ length: below(random, 4) }, () => oneOf(random, SIZES)),
      }));
      const metadata = below(random, 2) === 0 ? { placeholder_token: mutateText(random, '<dog>') } : {};
      const header = encodeSafetensorsHeader(tensors, metadata, path);
      const data = Buffer.alloc(
        below(random, 8) === 0 ? 7 : lengthOf(header),
        below(random, 4) === 0 ? 0xff : 0x3c,
      );
      const bytes = Buffer.concat([header, data]);
      await writeFile(path, below(random, 4) === 0 ? mutateBytes(random, bytes) : bytes);
      await readEmbedding(path);
    };
  },
});

const RECORD = {
  version: 1,
  base: 'a1',
  adapters: [{ sha256: 'b2', weight: 1 }],
  headers: { unet: { format: 'pt' } },
  hashes: { 'unet.x.weight': ['c3', 'd4'] },
};

fuzz('merge-records', {
  about: 'records of merges',
  open: (folder) => {
    const path = join(folder, 'likeness.undo');
    return async (random) => {
      const tensors = [
        { name: 'unet.x.weight:residual', dtype: oneOf(random, TYPES), shape: [oneOf(random, SIZES)] },
        { name: 'unet.x.weight:lengths.0', dtype: oneOf(random, [...TYPES, 'F64'] as const), shape: [3] },
      ];
      const header = encodeSafetensorsHeader(
        tensors,
        { likeness_undo: mutateJsonText(random, RECORD) },
        path,
      );
      await writeFile(path, Buffer.concat([header, Buffer.alloc(lengthOf(header))]));
      await (await readUndoRecord(path))?.entry('unet.x.weight', []);
    };
  },
});

/** Bytes of data that a header promises. */
function lengthOf(header: Buffer): number {
  const entries = JSON.parse(header.subarray(8).toString()) as Record<
    string,
    { data_offsets?: [number, number] }
  >;
  return Math.max(0, ...Object.values(entries).map(({ data_offsets: offsets }) => offsets?.[1] ?? 0));
}
