// pipeline worker: a process that works cells off, for an `ablate` elsewhere.
import { join } from 'node:path';
import type { WorkerMessage } from '@likeness/ablation';
import { ConfigError, killEngines } from '@likeness/core';
import { cacheDir as userCacheDir } from '@likeness/engine';
import { Command, Option } from 'commander';
import { USUAL_REDIS } from '../ablate/defaults.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { warningLine } from '../progress/reporters.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import { addReportFlags, reportStyle, type ReportFlags } from './reporting.ts';

const EXAMPLES = `
One cell at a time; several workers on a machine are several commands. A worker that stops gives its cell back; one that
is killed loses it to another after --silence seconds.

Examples:
  pipeline worker --redis redis://queue:6379 --store /shared/cells
  pipeline worker --store "s3://cells/mine?endpoint=https://minio.example:9000"`;

interface WorkerFlags extends ReportFlags {
  readonly ofThisProcess?: boolean;
  readonly redis: string;
  readonly store?: string;
  readonly cacheDir?: string;
  readonly silence: number;
  readonly plugin?: readonly string[];
}

export function workerCommand(terminal: Terminal): Command {
  const command = new Command('worker')
    .description('work cells off that a matrix elsewhere asks for')
    .option('--redis <url>', 'where cells are asked for', USUAL_REDIS)
    .option('--store <place>', 'where results go: a shared folder, or s3://BUCKET/PREFIX')
    .option('--cache-dir <dir>', 'folder for what cells share on this machine; default: one per user')
    .option(
      '--silence <seconds>',
      'a worker that says nothing for so long loses its cell to another',
      positiveInteger,
      30,
    )
    .option(
      '--plugin <name-or-path...>',
      'plugins that cells may ask for; those of recipes need not be named',
    )
    .addOption(new Option('--of-this-process', 'serve the process that started this one').hideHelp())
    .addHelpText('after', EXAMPLES);
  return addReportFlags(command).action(async (flags: WorkerFlags) => {
    if (!flags.ofThisProcess || process.send === undefined) {
      await serve(flags, terminal);
      return;
    }
    const { serveCells } = await import('@likeness/ablation');
    const { commandCellWork } = await import('../ablate/cellWork.ts');
    await serveCells(commandCellWork(), killEngines);
  });
}

async function serve(flags: WorkerFlags, terminal: Terminal): Promise<void> {
  const { redis, store, cacheDir } = flags;
  if (store === undefined) {
    throw new ConfigError('where do results go?', {
      code: 'ablation/no-store',
      where: '--store',
      expected: 'the place that ablate --store names: a shared folder, or s3://BUCKET/PREFIX',
    });
  }
  const { openBlobStore, openCellStore, serveQueue } = await import('@likeness/ablation');
  const { commandCellWork } = await import('../ablate/cellWork.ts');
  const { guardedWork } = await import('../ablate/guardedWork.ts');
  const stop = stopOnSignals({
    onStop: () => {
      terminal.err(colours.yellow('finishing the step, giving the cell back; Ctrl-C again to stop at once'));
    },
  });
  try {
    await serveQueue({
      redisUrl: redis,
      blobs: await openBlobStore(store),
      work: guardedWork(commandCellWork(), flags.plugin ?? []),
      silentMs: flags.silence * 1000,
      store: openCellStore(cacheDir),
      cacheDir,
      runsFolder: join(cacheDir ?? userCacheDir(), 'cell-runs'),
      signal: stop.signal,
      tell: teller(flags, terminal),
    });
  } finally {
    stop.forget();
  }
}

function teller(flags: ReportFlags, { out, err }: Terminal): (message: WorkerMessage) => void {
  const style = reportStyle(flags, { out, err: out, isLive: false });
  if (style === 'json')
    return (message) => {
      out(JSON.stringify(message));
    };
  if (style === 'quiet') return () => undefined;
  return (message) => {
    if (message.type === 'warning') err(warningLine(message));
    else if (message.type === 'ready') out(`${message.worker} waits for cells; Ctrl-C stops it`);
    else {
      const why = message.type === 'cell-failed' ? `: ${message.reason}` : '';
      out(
        `${message.type.replace('cell-', '').replace('-', ' ').padEnd(10)} ${message.id.slice(0, 12)}${why}`,
      );
    }
  };
}
