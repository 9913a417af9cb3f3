// The config as it goes into exported files: equal runs on two machines give equal files.
import { basename, isAbsolute } from 'node:path';
import type { ConfigLayer } from './layers.ts';
import type { ResolvedConfig } from './resolveConfig.ts';

const OF_ONE_MACHINE = [
  'outputDir',
  'cacheDir',
  'resume',
  'threads',
] as const satisfies readonly (keyof ResolvedConfig)[];

/**
 * Without folders of one machine and how the run was started; absolute paths lose their folders. Keys are sorted:
 * which layer set a key decides its place otherwise, and a resumed run has other layers.
 */
export function portableConfig(config: ResolvedConfig): Record<string, unknown> {
  const kept = Object.entries(config).filter(([key]) => !(OF_ONE_MACHINE as readonly string[]).includes(key));
  return sortedByKey(kept.map(([key, value]) => [key, withoutFolders(value)]));
}

/**
 * A recorded config as a layer, for repeating a run: what follows from other settings is left to follow again, and the
 * new run gets a folder of its own.
 * @param name told in errors: the file it was read from
 */
export function recordedLayer(name: string, recorded: Readonly<Record<string, unknown>>): ConfigLayer {
  const derived = [
    'prompts',
    'outputDir',
    'cacheDir',
    'resume',
    ...(recorded['subject'] === undefined ? [] : ['instanceDataDir']),
  ];
  return {
    name,
    values: Object.fromEntries(Object.entries(recorded).filter(([key]) => !derived.includes(key))),
    isRecorded: true,
  };
}

function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string') return isAbsolute(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value === 'object' && value !== null) {
    return sortedByKey(Object.entries(value).map(([key, inner]) => [key, withoutFolders(inner)]));
  }
  return value;
}

const sortedByKey = (entries: [string, unknown][]): Record<string, unknown> =>
  Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
