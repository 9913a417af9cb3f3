// The config as it goes into exported files: equal runs on two machines give equal files.
import { basename, isAbsolute } from 'node:path';
import type { ResolvedConfig } from './resolveConfig.ts';

const OF_ONE_MACHINE = [
  'outputDir',
  'cacheDir',
  'resume',
  'threads',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** Without folders of one machine and how the run was started; absolute paths lose their folders. */
export function portableConfig(config: ResolvedConfig): Record<string, unknown> {
  const kept = Object.entries(config).filter(([key]) => !(OF_ONE_MACHINE as readonly string[]).includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutFolders(value)]));
}

function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string') return isAbsolute(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutFolders(inner)]));
  }
  return value;
}
