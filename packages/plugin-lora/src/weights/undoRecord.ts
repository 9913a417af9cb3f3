// What lies beside a merged model so that adapters can be taken out again to the last bit: for every changed weight what
// rounding took from it, DoRA's lengths, and hashes to see that nothing else has changed since. A safetensors file under
// another ending, so that nobody takes it for the model.
import { createHash } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  parseJson,
  readSafetensorsHeader,
  readTensorRaw,
  WeightsError,
  writeSafetensors,
  type TensorSource,
} from '@likeness/core';
import { z } from 'zod';
import type { StoredAdapter } from '../files/readAdapters.ts';
import type { WeightedAdapter } from './adaptedWeight.ts';

const KEY = 'likeness_undo';
const aboutSchema = z.object({
  version: z.literal(1),
  /** Fingerprint of the model before. */
  base: z.string(),
  /** Content of each merged file of adapters and how strongly it was merged, in order. */
  adapters: z.array(z.object({ sha256: z.string(), weight: z.number() })),
  /** Of the base's weights files, by component. */
  headers: z.record(z.string(), z.record(z.string(), z.string())),
  /** sha256 of the merged and of the base's bytes, by weight. */
  hashes: z.record(z.string(), z.tuple([z.string(), z.string()])),
});
type About = z.output<typeof aboutSchema>;

/** What is kept of one weight. */
export interface UndoEntry {
  readonly residual: Uint8Array;
  readonly lengths: readonly (Float64Array | undefined)[];
  readonly mergedHash: string;
  readonly baseHash: string;
}

/** Where the record of a model lies: in its folder, or beside its single file. */
export const undoPathOf = (model: string): string =>
  model.endsWith('.safetensors') ? model.replace(/\.safetensors$/, '.undo') : join(model, 'likeness.undo');

export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The same for the same adapters, whatever the dialect of their file. */
export function adaptersHash(adapters: readonly StoredAdapter[]): string {
  const hash = createHash('sha256');
  const sorted = [...adapters].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const adapter of sorted) {
    const { method, parts, scale, magnitude } = adapter;
    hash.update(JSON.stringify([nameOf(adapter), method.name, scale, magnitude?.axis]));
    const values = Object.keys(parts)
      .sort()
      .map((part) => [part, parts[part]?.values] as const);
    for (const [part, numbers] of [...values, ['magnitude', magnitude?.values] as const]) {
      if (numbers === undefined) continue;
      hash.update(part);
      hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    }
  }
  return hash.digest('hex');
}

const nameOf = ({ layer }: StoredAdapter): string => `${layer.component}.${layer.path}`;

/** Collects entries on disk, so that they need no memory, and writes them as one file. */
export class UndoWriter {
  private readonly entries = new Map<
    string,
    { offset: number; entry: Omit<UndoEntry, 'residual'>; size: number }
  >();
  private end = 0;

  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async add(weight: string, { residual, ...entry }: UndoEntry): Promise<void> {
    const file = await open(this.scratch, this.end === 0 ? 'w' : 'a');
    await file.writeFile(residual).finally(() => file.close());
    this.entries.set(weight, { offset: this.end, entry, size: residual.length });
    this.end += residual.length;
  }

  /** @returns bytes written */
  async finish(about: Pick<About, 'base' | 'adapters' | 'headers'>): Promise<number> {
    const sources: TensorSource[] = [...this.entries].flatMap(([weight, { offset, size, entry }]) => [
      { name: `${weight}:residual`, dtype: 'U8', shape: [size], data: () => this.read(offset, size) },
      ...entry.lengths.flatMap((lengths, i): TensorSource[] =>
        lengths === undefined
          ? []
          : [{ name: `${weight}:lengths.${i}`, dtype: 'F64', shape: [lengths.length], data: () => lengths }],
      ),
    ]);
    const hashes = [...this.entries].map(
      ([weight, { entry }]) => [weight, [entry.mergedHash, entry.baseHash]] as const,
    );
    const whole = { version: 1, ...about, hashes: Object.fromEntries(hashes) };
    await writeSafetensors(this.path, sources, { [KEY]: JSON.stringify(whole) });
    await this.abandon();
    return (await stat(this.path)).size;
  }

  /** Takes away what lies on disk for now. */
  abandon(): Promise<void> {
    return rm(this.scratch, { force: true });
  }

  private get scratch(): string {
    return join(dirname(this.path), `.${basename(this.path)}.parts`);
  }

  private async read(offset: number, size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    const file = await open(this.scratch, 'r');
    await file.read(bytes, 0, size, offset).finally(() => file.close());
    return bytes;
  }
}

const damaged = (path: string, what: string): WeightsError =>
  new WeightsError(what, {
    code: 'adapter/merge-record-damaged',
    where: path,
    hint: 'restore it, or take it away: adapters are subtracted by arithmetic alone then',
  });

export interface UndoRecord extends About {
  /** @throws WeightsError when nothing is recorded of the weight */
  entry(weight: string, adapters: readonly WeightedAdapter[]): Promise<UndoEntry>;
}

/** The record at a path; undefined when there is none. @throws WeightsError when it is damaged */
export async function readUndoRecord(path: string): Promise<UndoRecord | undefined> {
  if (!(await stat(path).catch(() => undefined))) return undefined;
  const { tensors, metadata } = await readSafetensorsHeader(path);
  const about = aboutSchema.safeParse(parseJson(metadata[KEY] ?? '{}', `${path}, ${KEY} in its header`));
  if (!about.success) throw damaged(path, 'no record of a merge');
  const { hashes } = about.data;
  return {
    ...about.data,
    async entry(weight, adapters) {
      const residual = tensors.get(`${weight}:residual`);
      const [mergedHash, baseHash] = hashes[weight] ?? [];
      if (residual === undefined || mergedHash === undefined || baseHash === undefined)
        throw damaged(path, `nothing is recorded of ${weight}`);
      const lengths = await Promise.all(
        adapters.map(async (_, i) => {
          const entry = tensors.get(`${weight}:lengths.${i}`);
          if (entry !== undefined && entry.dtype !== 'F64') throw damaged(path, `${entry.name} is no F64`);
          return entry && new Float64Array((await readTensorRaw(entry)).buffer);
        }),
      );
      return { residual: await readTensorRaw(residual), lengths, mergedHash, baseHash };
    },
  };
}
