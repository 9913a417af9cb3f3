// pipeline cache: what can be made again, how much of it there is, and away with it.
import { openCache, type CachedThing } from '@likeness/core';
import { cacheDir, tensorFlowStatus } from '@likeness/engine';
import { Command } from 'commander';
import { count, displayPath, formatBytes } from '../terminal/format.ts';
import { byteCount, nonNegative } from '../terminal/numbers.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Class pictures, latents and text states are found by what they were made from, so nothing stale is ever used and
everything may be removed at any time.

Examples:
  pipeline cache
  pipeline cache list
  pipeline cache prune --older-than-days 30
  pipeline cache prune --max-size 2GB
  pipeline cache prune --all`;

interface Place {
  readonly cacheDir: string;
  readonly json?: boolean;
}

export function cacheCommand(terminal: Terminal): Command {
  const command = new Command('cache')
    .description('size, list or prune what can be made again')
    .addHelpText('after', EXAMPLES);
  const sub = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .option('--cache-dir <dir>', 'the cache folder', cacheDir())
      .option('--json', 'as JSON')
      .addHelpText('after', EXAMPLES);
  const size = sub('size', 'how much there is of each kind').action(async (place: Place) => {
    const sizes = await cacheSizes(place.cacheDir);
    if (place.json) {
      terminal.out(JSON.stringify({ cacheDir: place.cacheDir, bytes: sizes }));
      return;
    }
    terminal.out(place.cacheDir);
    const rows = Object.entries(sizes).map(([kind, bytes]) => [`  ${kind}`, formatBytes(bytes)]);
    terminal.out(rows.length === 0 ? '  empty' : table([{ title: '' }, { title: '', align: 'right' }], rows));
  });
  const list = sub('list', 'every thing in it, longest unused first').action(async (place: Place) => {
    const things = [...(await openCache(place.cacheDir).list())].sort(
      (a, b) => a.lastUsed.getTime() - b.lastUsed.getTime(),
    );
    if (place.json) for (const thing of things) terminal.out(JSON.stringify(thing));
    else terminal.out(things.length === 0 ? 'empty' : thingTable(things));
  });
  const prune = sub('prune', 'remove what was not used for long, or all but so much')
    .option('--older-than-days <n>', 'remove what was not used for so many days', nonNegative)
    .option('--max-size <size>', 'then remove the longest unused until no more than this is left', byteCount)
    .option('--all', 'remove everything but TensorFlow')
    .action(async (flags: Place & { olderThanDays?: number; maxSize?: number; all?: boolean }) => {
      const { olderThanDays, maxSize, all } = flags;
      if (olderThanDays === undefined && maxSize === undefined && !all) {
        prune.error('say what to remove: --older-than-days, --max-size or --all', { exitCode: 2 });
      }
      const removed = await openCache(flags.cacheDir).prune({
        ...(olderThanDays === undefined ? {} : { olderThanDays }),
        ...(all ? { maxBytes: 0 } : maxSize === undefined ? {} : { maxBytes: maxSize }),
      });
      const bytes = removed.reduce((sum, thing) => sum + thing.bytes, 0);
      terminal.out(
        flags.json
          ? JSON.stringify({ removed, bytes })
          : `removed ${count(removed.length, 'thing')}, ${formatBytes(bytes)}`,
      );
    });
  return command.addCommand(size, { isDefault: true }).addCommand(list).addCommand(prune);
}

/** Bytes by kind, TensorFlow among them. */
export async function cacheSizes(dir: string): Promise<Record<string, number>> {
  const tensorFlow = tensorFlowStatus(dir).folders.reduce((sum, { bytes }) => sum + bytes, 0);
  return { ...(tensorFlow > 0 ? { tensorflow: tensorFlow } : {}), ...(await openCache(dir).size()) };
}

function thingTable(things: readonly CachedThing[]): string {
  return table(
    [{ title: 'kind' }, { title: 'size', align: 'right' }, { title: 'last used' }, { title: 'folder' }],
    things.map(({ kind, bytes, lastUsed, folder }) => [
      kind,
      formatBytes(bytes),
      lastUsed.toISOString().slice(0, 10),
      displayPath(folder),
    ]),
    (text, _column, isHead) => (isHead ? colours.dim(text) : text),
  );
}
