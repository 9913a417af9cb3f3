// Runs as a list and side by side, read from their folders.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finishedNames } from '../cache/unfinished.ts';
import { stableJson } from '../cache/stableJson.ts';
import type { PipelineEvent } from '../events.ts';
import { lossCurve, readEvents, type LossPoint } from './eventLog.ts';
import { readRunRecord, type RunRecord } from './runFolder.ts';

export type RunState = 'finished' | 'interrupted' | 'unfinished';

export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  readonly recipe: string;
  readonly instancePrompt: string;
  readonly state: RunState;
  /** Steps done. */
  readonly step: number;
  readonly maxTrainSteps: number;
  /** Of the last step. */
  readonly loss?: number;
  /** When its first event was written. */
  readonly startedAt?: string;
}

/** A setting that differs; undefined where it is not set. */
export interface ConfigDifference {
  /** `pluginOptions.ppl.numClassImages` */
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

export interface RunComparison {
  readonly differences: readonly ConfigDifference[];
  readonly curves: { readonly a: readonly LossPoint[]; readonly b: readonly LossPoint[] };
  /** The first step whose losses differ in any bit; undefined when they agree as far as both go. */
  readonly firstDifferentStep?: number;
}

/** @throws DataError when the folder is none of a run */
export async function readRun(folder: string): Promise<RunSummary & { readonly record: RunRecord }> {
  const record = await readRunRecord(folder);
  const events = readEvents(folder);
  const last = lossCurve(events).at(-1);
  const startedAt = firstTime(folder);
  return {
    name: folder.split(/[\\/]/).at(-1) ?? folder,
    folder,
    recipe: record.config.recipe,
    instancePrompt: record.config.prompts.instancePrompt,
    state: stateOf(events),
    step: last?.step ?? 0,
    maxTrainSteps: record.config.maxTrainSteps,
    ...(last === undefined ? {} : { loss: last.loss }),
    ...(startedAt === undefined ? {} : { startedAt }),
    record,
  };
}

/** All runs below a folder, by name, which is by time. Folders that are none of a run are left out. */
export async function listRuns(root: string): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  for (const name of await finishedNames(root)) {
    const run = await readRun(join(root, name)).catch(() => undefined);
    if (run) {
      const { record: _record, ...summary } = run;
      runs.push(summary);
    }
  }
  return runs;
}

/**
 * What two runs have not in common.
 * @throws DataError when one of the folders is none of a run
 */
export async function compareRuns(a: string, b: string): Promise<RunComparison> {
  const [first, second] = [await readRunRecord(a), await readRunRecord(b)];
  const curves = { a: lossCurve(readEvents(a)), b: lossCurve(readEvents(b)) };
  const different = curves.a.find((point, index) => {
    const other = curves.b[index];
    return other !== undefined && stableJson(point) !== stableJson(other);
  });
  return {
    differences: differences(first.config, second.config),
    curves,
    ...(different === undefined ? {} : { firstDifferentStep: different.step }),
  };
}

/** Leaves of two values that differ, by dotted path. */
export function differences(a: unknown, b: unknown, path: readonly string[] = []): ConfigDifference[] {
  if (isRecord(a) && isRecord(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
    return keys.flatMap((key) => differences(a[key], b[key], [...path, key]));
  }
  return stableJson({ value: a }) === stableJson({ value: b }) ? [] : [{ key: path.join('.'), a, b }];
}

function stateOf(events: readonly PipelineEvent[]): RunState {
  const type = events.at(-1)?.type;
  return type === 'run-finished' ? 'finished' : type === 'run-interrupted' ? 'interrupted' : 'unfinished';
}

function firstTime(folder: string): string | undefined {
  try {
    const [line = ''] = readFileSync(join(folder, 'timings.jsonl'), 'utf8').split('\n', 1);
    return (JSON.parse(line) as { at?: string }).at;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
