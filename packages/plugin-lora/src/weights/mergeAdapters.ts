// Adapters into a model's weights, and out of them again. The model writes itself as it does after training, with weights
// from here instead of from the engine: a tensor at a time, no model is ever whole in memory.
import {
  readSafetensorsHeader,
  readTensor,
  readTensorRaw,
  WeightsError,
  type DiffusionModel,
} from '@likeness/core';
import type { StoredAdapter } from '../files/readAdapters.ts';
import type { FloatDtype } from '../files/storedNumbers.ts';
import { componentOf } from '../layers.ts';
import { withAdapters, withoutAdapters, type WeightedAdapter } from './adaptedWeight.ts';
import { bitsOfBytes, corrected, residualOf, roundedBits, valuesOf } from './residual.ts';
import { rewriteModel, type RewriteOptions, type Rewritten } from './rewriteModel.ts';
import {
  adaptersHash,
  hashOf,
  undoPathOf,
  UndoWriter,
  type UndoEntry,
  type UndoRecord,
} from './undoRecord.ts';

/** Adapters of one file, and how strongly they count. */
export interface WeightedFile {
  readonly adapters: readonly StoredAdapter[];
  readonly weight: number;
}

/**
 * Writes a model with adapters in its weights.
 * @param path a folder, or for the format `ldm` a .safetensors file
 * @param undo keep beside it what is needed to take the adapters out again to the last bit
 */
export async function mergeAdapters(
  model: DiffusionModel,
  files: readonly WeightedFile[],
  path: string,
  { undo, ...options }: RewriteOptions & { readonly undo: boolean },
): Promise<Rewritten & { readonly undoBytes: number }> {
  const byWeight = adaptersByWeight(files);
  const record = undo ? new UndoWriter(undoPathOf(path)) : undefined;
  try {
    const merged = await rewriteModel(
      model,
      byWeight,
      path,
      options,
      async ({ entry, dtype, weight, adapters }) => {
        const { values, lengths } = withAdapters(await readTensor(entry), adapters);
        const bits = roundedBits(values, dtype);
        if (record === undefined) return bits;
        const wanted = await readTensorRaw(entry);
        const guess = withoutAdapters(valuesOf(bits, dtype), adapters, lengths);
        await record.add(weight, {
          residual: await residualOf(bitsOfBytes(wanted, dtype), roundedBits(guess, dtype)),
          lengths,
          mergedHash: hashOf(bytesOf(bits)),
          baseHash: hashOf(wanted),
        });
        return bits;
      },
    );
    const undoBytes = await record?.finish({
      base: model.fingerprint,
      adapters: files.map(({ adapters, weight }) => ({ sha256: adaptersHash(adapters), weight })),
      headers: await headersOf(model),
    });
    return { ...merged, undoBytes: undoBytes ?? 0 };
  } finally {
    await record?.abandon();
  }
}

/** Whether a record is one of these adapters, at these weights. */
export function isRecordOf(record: UndoRecord, files: readonly WeightedFile[]): boolean {
  const own = files.map(({ adapters, weight }) => `${adaptersHash(adapters)} ${weight}`);
  const recorded = record.adapters.map(({ sha256, weight }) => `${sha256} ${weight}`);
  return own.toSorted().join() === recorded.toSorted().join();
}

/**
 * Takes merged adapters out.
 *
 * With the merge's record the weights are the base's, bit for bit, which is checked by their hashes. Without, arithmetic
 * gives them back up to the roundings of both merges: none is further away than `largestError`.
 * @throws WeightsError when the model has changed since the merge, or DoRA is to be taken out without a record
 */
export async function subtractAdapters(
  model: DiffusionModel,
  files: readonly WeightedFile[],
  path: string,
  { record, ...options }: RewriteOptions & { readonly record?: UndoRecord },
): Promise<Rewritten & { readonly largestError: number }> {
  if (record !== undefined) {
    const restored = await rewriteModel(
      model,
      adaptersByWeight(inOrderOf(record, files)),
      path,
      { ...options, headers: record.headers },
      async ({ entry, dtype, weight, adapters }) =>
        restore(await record.entry(weight, adapters), await readTensorRaw(entry), dtype, adapters, weight),
    );
    return { ...restored, largestError: 0 };
  }
  const lengthy = files.flatMap(({ adapters }) => adapters).filter(({ magnitude }) => magnitude);
  if (lengthy.length > 0) {
    throw new WeightsError('DoRA gave the weights other lengths, and the old ones are written nowhere', {
      code: 'adapter/no-merge-record',
      where: model.source,
      expected:
        'a model merged by `pipeline merge`, its record beside it and the same adapters at the same weights',
      hint: 'take the base model itself',
    });
  }
  let largestError = 0;
  const changed = await rewriteModel(model, adaptersByWeight(files), path, options, async (place) => {
    const merged = await readTensor(place.entry);
    const values = withoutAdapters(merged, place.adapters);
    const { relative, least } = HALF_UNIT[place.dtype];
    for (let i = 0; i < values.length; i++) {
      const sizes = Math.abs(merged[i] as number) + Math.abs(values[i] as number);
      largestError = Math.max(largestError, relative * sizes + least);
    }
    return roundedBits(values, place.dtype);
  });
  return { ...changed, largestError };
}

/** The largest error of a rounding: relative, and near zero; half precision is rounded to by way of float32. */
const HALF_UNIT: Readonly<Record<FloatDtype, { readonly relative: number; readonly least: number }>> = {
  F32: { relative: 2 ** -24, least: 2 ** -149 },
  F16: { relative: 2 ** -11 + 2 ** -24, least: 2 ** -24 },
  BF16: { relative: 2 ** -8 + 2 ** -24, least: 2 ** -133 },
};

async function restore(
  { residual, lengths, mergedHash, baseHash }: UndoEntry,
  merged: Uint8Array,
  dtype: FloatDtype,
  adapters: readonly WeightedAdapter[],
  weight: string,
): Promise<ArrayBufferView> {
  const changedSince = new WeightsError(`${weight} is not as the merge left it, or its record is damaged`, {
    code: 'adapter/changed-since-merge',
    expected: 'the merged model as it was written, and its record',
    hint: 'take the record away to subtract by arithmetic alone',
  });
  const lacksLengths = adapters.some(({ adapter }, i) => adapter.magnitude && lengths[i] === undefined);
  if (lacksLengths || hashOf(merged) !== mergedHash) throw changedSince;
  const guess = withoutAdapters(valuesOf(bitsOfBytes(merged, dtype), dtype), adapters, lengths);
  const bits = await corrected(roundedBits(guess, dtype), residual);
  if (bits === undefined || hashOf(bytesOf(bits)) !== baseHash) throw changedSince;
  return bits;
}

/** All adapters of each weight, in the order of their files. */
function adaptersByWeight(files: readonly WeightedFile[]): Map<string, WeightedAdapter[]> {
  const byWeight = new Map<string, WeightedAdapter[]>();
  for (const { adapters, weight } of files) {
    for (const adapter of adapters) {
      const key = `${adapter.layer.component}.${adapter.layer.path}.weight`;
      byWeight.set(key, [...(byWeight.get(key) ?? []), { adapter, weight }]);
    }
  }
  return byWeight;
}

function inOrderOf({ adapters }: UndoRecord, files: readonly WeightedFile[]): WeightedFile[] {
  const left = files.map((file) => ({ file, sha256: adaptersHash(file.adapters) }));
  return adapters.flatMap(({ sha256, weight }) => {
    const at = left.findIndex((one) => one.sha256 === sha256 && one.file.weight === weight);
    return at < 0 ? [] : left.splice(at, 1).map(({ file }) => file);
  });
}

/** Metadata of the files that components lie in. */
async function headersOf(model: DiffusionModel): Promise<UndoRecord['headers']> {
  const headers: Record<string, Record<string, string>> = {};
  for (const name of ['unet', 'text_encoder'] as const) {
    const [entry] = componentOf(model, name).tensors.values();
    if (entry) headers[name] = { ...(await readSafetensorsHeader(entry.file)).metadata };
  }
  return headers;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
