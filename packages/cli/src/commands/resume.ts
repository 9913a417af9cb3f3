// pipeline resume: goes on with a run that was interrupted, or beyond the end it had.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, readRun, readRunRecord, type FlagValues, shellQuote } from '@likeness/core';
import { Command } from 'commander';
import { EXIT } from '../exitCodes.ts';
import { isPretraining, resumePretraining } from '../run/pretraining.ts';
import { requireRun } from '../run/findRun.ts';
import { planRun, prepareRun } from '../run/prepareRun.ts';
import { inFolder, startFolderOf } from '../run/startFolder.ts';
import { displayPath } from '../terminal/format.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addReportFlags, type ReportFlags } from './reporting.ts';
import { startRun, type SetExitCode } from './run.ts';

const EXAMPLES = `
The run ends exactly as if it had never been interrupted. On a finished run nothing happens, unless it is to train
further: with a learning rate that does not follow the number of steps (constant, constant_with_warmup,
piecewise_constant) it ends as a run planned for all of them.

Examples:
  pipeline resume latest
  pipeline resume runs/20250131-142501-dreambooth+ppl-1a2b3c4d
  pipeline resume latest --max-train-steps 1600          further than it was planned
  pipeline resume my-run --instance-data-dir moved/photos`;

interface ResumeFlags extends ReportFlags {
  readonly maxTrainSteps?: number;
  readonly instanceDataDir?: string;
  readonly pretrainedModel?: string;
  readonly plugin?: readonly string[];
}

export function resumeCommand(terminal: Terminal, exit: SetExitCode): Command {
  const command = new Command('resume')
    .description('go on with a run from its last checkpoint')
    .argument('<run>', 'run folder, or `latest`')
    .option('--max-train-steps <n>', 'steps in all, more than were planned', positiveInteger)
    .option('--instance-data-dir <dir>', 'where its pictures lie now')
    .option('--pretrained-model <path>', 'where its model lies now')
    .option('--plugin <path>', 'a plugin of the run that is no installed package', collect)
    .addHelpText('after', EXAMPLES);
  return addReportFlags(command).action(async (name: string, flags: ResumeFlags) => {
    const folder = await requireRun(name);
    const run = await readRun(folder);
    const { maxTrainSteps } = flags;
    if (run.state === 'finished' && (maxTrainSteps === undefined || maxTrainSteps === run.maxTrainSteps)) {
      if (!flags.json) {
        const further = `pipeline resume ${shellQuote(displayPath(folder))} --max-train-steps ${2 * run.step}`;
        terminal.out(`finished already, after ${run.step} steps: ${displayPath(folder)}`);
        if (!isPretraining(run.recipe)) terminal.out(`to train it further: ${further}`);
      }
      exit(EXIT.ok);
      return;
    }
    if (isPretraining(run.recipe)) {
      refuseForPretraining(flags);
      exit(await inFolder(await startFolderOf(folder), () => resumePretraining(folder, flags, terminal)));
      return;
    }
    const said = saidNow(flags);
    const plugins = (flags.plugin ?? []).map((path) => (existsSync(path) ? resolve(path) : path));
    await inFolder(await startFolderOf(folder), async () => {
      const { cacheDir } = (await readRunRecord(folder)).config;
      const prepared = await prepareRun(
        await planRun(['--from', folder, ...plugins.flatMap((path) => ['--plugin', path])]),
        {
          'output-dir': folder,
          resume: 'latest',
          ...(cacheDir === undefined ? {} : { 'cache-dir': cacheDir }),
          ...said,
        },
      );
      // What has no effect was told when the run was started.
      exit(await startRun({ ...prepared, warnings: [] }, flags, terminal));
    });
  });
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** What is typed is meant from where it is typed. */
function saidNow({ maxTrainSteps, instanceDataDir, pretrainedModel }: ResumeFlags): FlagValues {
  return {
    ...(maxTrainSteps === undefined ? {} : { 'max-train-steps': String(maxTrainSteps) }),
    ...(instanceDataDir === undefined ? {} : { 'instance-data-dir': resolve(instanceDataDir) }),
    ...(pretrainedModel === undefined
      ? {}
      : { 'pretrained-model': existsSync(pretrainedModel) ? resolve(pretrainedModel) : pretrainedModel }),
  };
}

function refuseForPretraining({ maxTrainSteps, instanceDataDir, pretrainedModel }: ResumeFlags): void {
  if (maxTrainSteps === undefined && instanceDataDir === undefined && pretrainedModel === undefined) return;
  throw new ConfigError('a run of pretraining is gone on with as it was planned', {
    code: 'usage/flag-without-effect',
    where: 'pipeline resume',
    hint: 'leave the flags out',
  });
}
