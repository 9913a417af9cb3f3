import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The per-user folder for everything that can be made again: TensorFlow, compiled programs, class images.
 *
 * `LIKENESS_CACHE` wins; then the platform's convention (`XDG_CACHE_HOME` or `~/.cache`, on macOS
 * `~/Library/Caches`).
 */
export function cacheDir(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['LIKENESS_CACHE']) return env['LIKENESS_CACHE'];
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'likeness');
  return platform === 'darwin'
    ? join(homedir(), 'Library', 'Caches', 'likeness')
    : join(homedir(), '.cache', 'likeness');
}
