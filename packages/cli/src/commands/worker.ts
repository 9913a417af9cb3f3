// pipeline worker: a process that works cells off, for an `ablate` elsewhere.
import { serveCells } from '@likeness/ablation';
import { ConfigError, killEngines } from '@likeness/core';
import { Command, Option } from 'commander';
import { commandCellWork } from '../ablate/cellWork.ts';
import type { Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline worker --redis redis://localhost:6379 --store /shared/likeness`;

interface WorkerFlags {
  readonly ofThisProcess?: boolean;
  readonly redis?: string;
}

export function workerCommand(_terminal: Terminal): Command {
  return new Command('worker')
    .description('work cells off that a matrix elsewhere asks for')
    .option('--redis <url>', 'where cells are asked for')
    .addOption(new Option('--of-this-process', 'serve the process that started this one').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async ({ ofThisProcess }: WorkerFlags) => {
      if (ofThisProcess && process.send !== undefined) await serveCells(commandCellWork(), killEngines);
      else
        throw new ConfigError('where are the cells?', { where: 'pipeline worker', expected: '--redis URL' });
    });
}
