// What a run is, by content: settings, and what lies where they point to. How a path is written is no part of it, so a
// run goes on when its pictures or its model have moved, and is refused when they are other ones.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { pluginPlaces, settingsWithEffect, type PluginPlaces } from '../config/configHash.ts';
import { learningRateScheduleOf } from '../config/learningRateScheduleOf.ts';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { Dataset } from '../data/dataset.ts';
import { withFileErrors } from '../errors.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import type { CheckpointState } from './checkpoint.ts';

/** What can change bits and lies in files, hashed. */
export interface RunContents {
  /** sha256 of each picture's pixels and mask, in order. */
  readonly pictures: readonly string[];
  /** The rest, each where there is any. */
  readonly contents: {
    readonly captions?: readonly string[];
    /** Of plugins given as files. */
    readonly plugins?: readonly string[];
    /** By plugin and option: class pictures of one's own. */
    readonly pluginOptions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly watchJudge?: string;
  };
}

/**
 * Hashes what a run's settings point to.
 * @throws FileError when something of it cannot be read
 */
export async function runContents(
  config: ResolvedConfig,
  plugins: readonly PluginSetup[],
  { items }: Pick<Dataset, 'items'>,
): Promise<RunContents> {
  const captions = items.map(({ caption = '' }) => sha256(caption));
  const files = config.plugins.filter((plugin) => plugin.startsWith('.') || isAbsolute(plugin));
  const ofPlugins = await optionContents(config, pluginPlaces(plugins));
  return {
    pictures: items.map(({ hash }) => hash),
    contents: {
      ...(items.some(({ caption }) => caption !== undefined) ? { captions } : {}),
      ...(files.length > 0 ? { plugins: await Promise.all(files.map(contentHash)) } : {}),
      ...(Object.keys(ofPlugins).length > 0 ? { pluginOptions: ofPlugins } : {}),
      ...(config.earlyStop !== undefined && config.watchJudge !== undefined
        ? { watchJudge: await contentHash(config.watchJudge) }
        : {}),
    },
  };
}

async function optionContents(
  { pluginOptions }: ResolvedConfig,
  places: PluginPlaces,
): Promise<Record<string, Record<string, string>>> {
  const result: Record<string, Record<string, string>> = {};
  for (const [name, keys] of Object.entries(places)) {
    for (const key of keys) {
      const path = pluginOptions[name]?.[key];
      if (typeof path === 'string') result[name] = { ...result[name], [key]: await contentHash(path) };
    }
  }
  return result;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * sha256 over the bytes of a file, or over those of all files below a folder, in the order of their names; the names
 * themselves do not count.
 * @throws FileError when it cannot be read
 */
export async function contentHash(path: string): Promise<string> {
  return withFileErrors(path, async () => {
    if (!(await stat(path)).isDirectory()) return fileHash(path);
    const hash = createHash('sha256');
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(await fileHash(file));
    return hash.digest('hex');
  });
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** How a checkpoint stands to the run that would go on from it. */
export interface SavedIdentity {
  /** The checkpoint's identity as this run would have written it: places left out, a raised number of steps taken on. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Why a setting cannot be another, by dotted key. */
  readonly reasons: Readonly<Record<string, string>>;
  /** The steps the checkpoint's run was planned for, where this one goes on beyond them. */
  readonly plannedBefore?: number;
}

/**
 * Reads a checkpoint's identity for a run of today: places in it, as versions before wrote them, do not count where
 * their content is known, and more steps are the same run wherever no step that was done depends on their number.
 * @param plugins of the run
 */
export function savedIdentity(
  { step, identity: saved }: CheckpointState,
  config: ResolvedConfig,
  plugins: readonly PluginSetup[],
): SavedIdentity {
  const places = pluginPlaces(plugins);
  const before = (saved['config'] ?? {}) as Readonly<Record<string, unknown>>;
  const settings = settingsWithEffect(
    before,
    movedPlaces(before, config, places, saved['contents'] !== undefined),
  );
  const now = settingsWithEffect(config, places);
  const identity = { ...saved, config: settings };
  const planned = settings['maxTrainSteps'];
  if (typeof planned !== 'number' || planned === config.maxTrainSteps) return { identity, reasons: {} };
  const reason = whyNotExtended(planned, step, config);
  return reason === undefined
    ? {
        identity: { ...identity, config: { ...settings, maxTrainSteps: now['maxTrainSteps'] } },
        reasons: {},
        plannedBefore: planned,
      }
    : { identity, reasons: { 'config.maxTrainSteps': reason } };
}

/** Of a checkpoint that knows no contents, only places that are written otherwise and mean the same do not count. */
function movedPlaces(
  before: Readonly<Record<string, unknown>>,
  { pluginOptions }: ResolvedConfig,
  places: PluginPlaces,
  knowsContents: boolean,
): PluginPlaces {
  if (knowsContents) return places;
  const options = before['pluginOptions'] as Record<string, Record<string, unknown> | undefined> | undefined;
  const isSame = (name: string, key: string): boolean => {
    const [then, now] = [options?.[name]?.[key], pluginOptions[name]?.[key]];
    return (
      then === now || (typeof then === 'string' && typeof now === 'string' && resolve(then) === resolve(now))
    );
  };
  return Object.fromEntries(
    Object.entries(places).map(([name, keys]) => [name, keys.filter((key) => isSame(name, key))]),
  );
}

/** Why a run that was planned for fewer steps is not what one planned for more would have been, if so. */
function whyNotExtended(planned: number, step: number, config: ResolvedConfig): string | undefined {
  if (config.maxTrainSteps < planned) {
    return 'a run is never made shorter: an earlier checkpoint is exported with pipeline export RUN --step N';
  }
  if (config.earlyStop !== undefined && step >= planned) {
    return 'earlyStop was not asked at the last step, so a run planned for more might have ended there';
  }
  const then = learningRateScheduleOf({ ...config, maxTrainSteps: planned });
  const now = learningRateScheduleOf(config);
  const other = Array.from({ length: step }, (_, i) => i).find((i) => then(i) !== now(i));
  return other === undefined
    ? undefined
    : `lrScheduler ${config.lrScheduler} follows the number of steps: step ${other + 1} had ${rate(then(other))} of the learning rate and would have had ${rate(now(other))}`;
}

const rate = (factor: number): string => String(Number(factor.toPrecision(4)));
