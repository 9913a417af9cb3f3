// The folder of a run: runs/<time>-<recipe>-<short hash>/
//
//   config.json       the resolved config and what it was resolved against
//   events.jsonl      what happened; timings.jsonl: when
//   samples/step-N/   sample pictures, and their sheet
//   checkpoints/step-N/
//   export/           a diffusers folder, or what else the method makes
//   README.md         model card
import { join, resolve } from 'node:path';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import { makeFolder, writeFileWhole } from '@likeness/engine';
import { removeUnfinished } from '../cache/unfinished.ts';
import { DataError, FileError, readJsonFile, withFileErrors } from '../errors.ts';
import { CORE_VERSION } from '../plugins/definePlugin.ts';
import { openCheckpoints, type Checkpoints } from './checkpoints.ts';
import { openEventLog, type EventLog } from './eventLog.ts';

/** What a config was resolved against, and what else can change bits: fingerprints, versions, the mode auto became. */
export type RunFacts = Readonly<Record<string, unknown>>;

/** What every run's config says, whatever kind of run it is. */
export interface RecordedConfig {
  readonly recipe: string;
  readonly maxTrainSteps: number;
}

export interface RunRecord {
  /** Version of core that wrote it. */
  readonly likeness: string;
  /** Folder that relative paths of the config are meant from; records of older versions do not say. */
  readonly startedIn?: string;
  readonly config: ResolvedConfig;
  readonly facts: RunFacts;
}

export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  readonly exportFolder: string;
  readonly checkpoints: Checkpoints;
  readonly events: EventLog;
  samplesFolder(step: number): string;
  writeConfig(config: RecordedConfig, facts?: RunFacts): Promise<void>;
  writeModelCard(text: string): Promise<void>;
}

export interface RunFolderOptions {
  /** The folder itself, `--output-dir`; default: a new one below `root`. */
  readonly outputDir?: string;
  /** Default `runs`. */
  readonly root?: string;
  readonly recipe: string;
  /** See `configHash`. */
  readonly hash: string;
  /** Default now. */
  readonly time?: Date;
  readonly checkpointsTotalLimit?: number;
}

/** `20250131-142501-dreambooth+ppl-1a2b3c4d`, in UTC so that names sort by time. */
export function runName(recipe: string, hash: string, time: Date): string {
  const stamp = time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${stamp}-${recipe}-${hash.slice(0, 8)}`;
}

/**
 * Makes the folder of a run, or opens the one that is there.
 * @throws FileError when nothing can be written there
 */
export async function openRunFolder(options: RunFolderOptions): Promise<RunFolder> {
  const { outputDir, root = 'runs', recipe, hash, time = new Date(), checkpointsTotalLimit } = options;
  const path = resolve(outputDir ?? join(root, runName(recipe, hash, time)));
  await withFileErrors(path, () => makeFolder(path));
  const checkpoints = openCheckpoints(path, checkpointsTotalLimit);
  // Whoever opens a run to write into it is its only writer: what is unfinished was left by a killed process.
  for (const folder of [path, checkpoints.folder]) await removeUnfinished(folder);
  return {
    path,
    exportFolder: join(path, 'export'),
    checkpoints,
    events: openEventLog(path),
    samplesFolder: (step) => join(path, 'samples', `step-${step}`),
    writeConfig: (config, facts = {}) => {
      const record = { likeness: CORE_VERSION, startedIn: process.cwd(), config, facts };
      return writeFileWhole(join(path, 'config.json'), `${JSON.stringify(record, undefined, 2)}\n`);
    },
    writeModelCard: (text) => writeFileWhole(join(path, 'README.md'), text),
  };
}

/**
 * The config a run was made with, from its folder or its `config.json`.
 * @throws DataError when there is none, or none that can be read
 */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const file = path.endsWith('.json') ? path : join(path, 'config.json');
  const record = await readJsonFile(file).catch((error: unknown) => {
    if (!(error instanceof FileError)) throw error;
    throw new DataError('not the folder of a run', {
      code: 'run/not-a-run',
      where: path,
      expected: 'a folder with a config.json, like those below runs/',
      got: error.message,
      cause: error,
    });
  });
  if (isRecord(record)) return { likeness: '', facts: {}, ...record };
  throw new DataError('no config of a run', {
    code: 'run/not-a-run',
    where: file,
    expected: '{ "config": { … } }',
    got: 'something else',
  });
}

/** The settings themselves are the schema's to check, by whoever uses them. */
function isRecord(value: unknown): value is Pick<RunRecord, 'config'> & Partial<RunRecord> {
  if (typeof value !== 'object' || value === null || !('config' in value)) return false;
  const { config } = value;
  return typeof config === 'object' && config !== null && 'recipe' in config && 'prompts' in config;
}
