// The three things `pipeline merge` does, once everything is read: what is written, and what there is to tell.
import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import {
  ConfigError,
  readSafetensorsHeader,
  type DiffusionModel,
  type ModelExportOptions,
} from '@likeness/core';
import {
  isRecordOf,
  joinAdapters,
  mergeAdapters,
  pretrainedModelOf,
  readUndoRecord,
  subtractAdapters,
  totalShare,
  undoPathOf,
  writeAdapters,
  type LoraFormat,
  type UndoRecord,
  type WeightedFile,
} from '@likeness/plugin-lora';
import { openModel } from '../composition.ts';
import { count, formatBytes, formatPercent } from '../terminal/format.ts';
import type { ProgressLine } from '../terminal/progressLine.ts';
import { timeLeft } from '../terminal/timeLeft.ts';

export interface MergeSettings {
  readonly rank?: number;
  readonly loraFormat?: LoraFormat;
  readonly exportFormat?: ModelExportOptions['format'];
  readonly dtype?: Exclude<ModelExportOptions['dtype'], 'asIs'>;
  readonly undo: boolean;
}

export interface MergeJob {
  readonly model: DiffusionModel;
  readonly files: readonly (WeightedFile & { readonly name: string })[];
  /** What `openModel` took. */
  readonly source: string;
  /** To write to. */
  readonly path: string;
  readonly settings: MergeSettings;
  readonly line: ProgressLine;
  readonly signal: AbortSignal;
}

/** What was done: for people, and as JSON. */
export interface MergeOutcome {
  readonly lines: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly hasRecord: boolean;
}

/** Adapters into the weights. */
export async function putIn(job: MergeJob): Promise<MergeOutcome> {
  const { model, files, path, settings } = job;
  const keepsTypes = settings.dtype === undefined;
  const { changed, undoBytes } = await mergeAdapters(model, files, path, {
    ...exportOptions(job, 'merging', await metadataOf(job)),
    undo: settings.undo && keepsTypes,
  });
  const hasRecord = undoBytes > 0;
  return {
    lines: [
      `merged   ${files.map(({ name, weight }) => `${name} at ${weight}`).join(', ')}: ${count(changed, 'weight')} changed`,
      ...(hasRecord
        ? [`undo     ${formatBytes(undoBytes)} beside it take the adapters out again, bit for bit`]
        : []),
      ...(settings.undo && !keepsTypes ? ['undo     none: another number type is another model'] : []),
    ],
    facts: { done: 'merged', adapters: named(files), changed, undoBytes },
    hasRecord,
  };
}

/** Adapters out of the weights: by the merge's record where there is one, else by arithmetic. */
export async function takeOut(job: MergeJob): Promise<MergeOutcome> {
  const { model, source, path, settings } = job;
  const files = job.files.map((file) => ({ ...file, weight: Math.abs(file.weight) }));
  const found = await recordOf(source);
  const record = found && isRecordOf(found, files) ? found : undefined;
  if (record !== undefined && settings.dtype !== undefined) {
    throw new ConfigError('the base’s weights have the types they have', {
      code: 'usage/contradiction',
      where: '--dtype',
      hint: 'leave it out; pipeline convert gives the result another',
    });
  }
  const { changed, largestError } = await subtractAdapters(model, files, path, {
    ...exportOptions(
      job,
      'subtracting',
      record?.headers['unet'] ?? (await metadataOf({ ...job, files: [] })),
    ),
    ...(record === undefined ? {} : { record }),
  });
  const facts = { done: 'subtracted', adapters: named(files), changed, exact: record !== undefined };
  if (record === undefined) {
    const why = found === undefined ? 'no record of the merge' : 'the record is of other adapters or weights';
    return {
      lines: [
        `subtracted by arithmetic (${why}): ${count(changed, 'weight')}`,
        `rounding no weight is further than ${largestError.toExponential(1)} from what it was`,
      ],
      facts: { ...facts, largestError },
      hasRecord: false,
    };
  }
  const isBase = (await openModel(path)).fingerprint === record.base;
  return {
    lines: [
      isBase
        ? `the base model again, bit for bit: ${count(changed, 'weight')} restored`
        : `${count(changed, 'weight')} are the base’s again, bit for bit; its settings or format are others`,
    ],
    facts: { ...facts, largestError, isBase },
    hasRecord: false,
  };
}

/** Several files of adapters as one. */
export async function joinFiles({ model, files, path, settings, line }: MergeJob): Promise<MergeOutcome> {
  const left = timeLeft();
  const { adapters, shares } = await joinAdapters(files, {
    ...(settings.rank === undefined ? {} : { rank: settings.rank }),
    onProgress: (done, total) => {
      line.show(`joining${left(done, total)}`, done, total);
    },
  });
  const isFile = path.endsWith('.safetensors');
  await writeAdapters(isFile ? dirname(path) : path, adapters, {
    model,
    format: settings.loraFormat ?? 'diffusers',
    dtype: settings.dtype ?? 'fp32',
    metadata: { format: 'pt', likeness_merge: JSON.stringify(named(files)) },
    ...(isFile ? { fileName: basename(path) } : {}),
  });
  const kept = totalShare(shares);
  const ranks = [...new Set(adapters.map(({ rank }) => rank))].sort((a, b) => a - b);
  return {
    lines: [
      `joined   ${files.map(({ name, weight }) => `${name} at ${weight}`).join(', ')}: ${count(adapters.length, 'layer')}, rank ${ranks.join(', ')}`,
      ...(settings.rank === undefined ? [] : [`keeps    ${formatPercent(kept)} of the energy of the change`]),
    ],
    facts: {
      done: 'joined',
      adapters: named(files),
      energyKept: kept,
      layers: shares.map(({ layer, rank, energy, keptEnergy }) => ({
        layer: `${layer.component}.${layer.path}`,
        rank,
        energyKept: energy === 0 ? 1 : Math.min(1, keptEnergy / energy),
      })),
    },
    hasRecord: false,
  };
}

function exportOptions(
  { settings, line, signal }: MergeJob,
  what: string,
  metadata: Readonly<Record<string, string>>,
): Parameters<typeof subtractAdapters>[3] {
  const left = timeLeft();
  return {
    format: settings.exportFormat ?? 'diffusers',
    dtype: settings.dtype ?? 'asIs',
    metadata,
    signal,
    onProgress: (done, total) => {
      line.show(`${what}${left(done, total)}`, done, total);
    },
  };
}

/** A file says what it was made of; no file names a place on this machine. */
async function metadataOf({
  source,
  files,
}: Pick<MergeJob, 'source' | 'files'>): Promise<Record<string, string>> {
  const isFile = (await stat(source).catch(() => undefined))?.isFile() === true;
  // A single file needs the configs of the model that it was made of itself.
  const own = isFile ? pretrainedModelOf((await readSafetensorsHeader(source)).metadata) : undefined;
  const pretrainedModel = own ?? (isAbsolute(source) ? basename(source) : source);
  return {
    likeness: JSON.stringify({ pretrainedModel, ...(files.length > 0 ? { merged: named(files) } : {}) }),
  };
}

const named = (files: MergeJob['files']): { name: string; weight: number }[] =>
  files.map(({ name, weight }) => ({ name, weight }));

/** The record of a merged model: in its folder, or beside its file. */
async function recordOf(source: string): Promise<UndoRecord | undefined> {
  const isFile = (await stat(source).catch(() => undefined))?.isFile() === true;
  const places = isFile ? [undoPathOf(source), join(dirname(source), 'likeness.undo')] : [undoPathOf(source)];
  for (const place of places) {
    const record = await readUndoRecord(place);
    if (record !== undefined) return record;
  }
  return undefined;
}
