// pipeline resume: goes on with a run that was interrupted.
import { readRun, readRunRecord } from '@likeness/core';
import { Command } from 'commander';
import { EXIT } from '../exitCodes.ts';
import { isPretraining, resumePretraining } from '../run/pretraining.ts';
import { requireRun } from '../run/findRun.ts';
import { planRun, prepareRun } from '../run/prepareRun.ts';
import { displayPath } from '../terminal/format.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addReportFlags, type ReportFlags } from './reporting.ts';
import { startRun, type SetExitCode } from './run.ts';

const EXAMPLES = `
The run ends exactly as if it had never been interrupted. On a finished run nothing happens.

Examples:
  pipeline resume latest
  pipeline resume runs/20250131-142501-dreambooth+ppl-1a2b3c4d`;

export function resumeCommand(terminal: Terminal, exit: SetExitCode): Command {
  const command = new Command('resume')
    .description('go on with a run from its last checkpoint')
    .argument('<run>', 'run folder, or `latest`')
    .addHelpText('after', EXAMPLES);
  return addReportFlags(command).action(async (name: string, flags: ReportFlags) => {
    const folder = await requireRun(name);
    const run = await readRun(folder);
    if (run.state === 'finished') {
      if (!flags.json) terminal.out(`finished already, after ${run.step} steps: ${displayPath(folder)}`);
      exit(EXIT.ok);
      return;
    }
    if (isPretraining(run.recipe)) {
      exit(await resumePretraining(folder, flags, terminal));
      return;
    }
    const { cacheDir } = (await readRunRecord(folder)).config;
    const prepared = await prepareRun(await planRun(['--from', folder]), {
      'output-dir': folder,
      resume: 'latest',
      ...(cacheDir === undefined ? {} : { 'cache-dir': cacheDir }),
    });
    // What has no effect was told when the run was started.
    exit(await startRun({ ...prepared, warnings: [] }, flags, terminal));
  });
}
