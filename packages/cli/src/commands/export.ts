// pipeline export: an earlier checkpoint of a run as a model. Overfitting is the usual failure; the best step is often
// not the last.
import { exportPretraining, isPretraining } from '../run/pretraining.ts';
import { join, resolve } from 'node:path';
import { exportCheckpoint, openCheckpoints, readRun, shellQuote } from '@likeness/core';
import { Command, Option } from 'commander';
import { requireRun } from '../run/findRun.ts';
import { planRun, prepareRun } from '../run/prepareRun.ts';
import { count, displayPath } from '../terminal/format.ts';
import { wholeNumber } from '../terminal/numbers.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline export runs/20250131-142501-dreambooth+ppl-1a2b3c4d --step 100
  pipeline export latest --step 100 --export-dtype fp16 --output-dir robot-100
  pipeline export latest --export-format ldm`;

interface ExportFlags {
  readonly step?: number;
  readonly outputDir?: string;
  readonly exportDtype?: string;
  readonly exportFormat?: string;
  readonly json?: boolean;
}

export function exportCommand(terminal: Terminal): Command {
  return new Command('export')
    .description('export a checkpoint of a run as a model')
    .argument('<run>', 'run folder, or `latest`')
    .option('--step <n>', 'step of the checkpoint; default: the last', wholeNumber)
    .option('--output-dir <dir>', 'folder to write; default: export-step-N in the run')
    .addOption(
      new Option('--export-dtype <type>', 'number type of the weights').choices(['fp32', 'fp16', 'bf16']),
    )
    .addOption(
      new Option(
        '--export-format <format>',
        'a diffusers folder, or a single file in the original layout',
      ).choices(['diffusers', 'ldm']),
    )
    .option('--json', 'the files written, as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: ExportFlags) => {
      const tell = (files: readonly string[], output: string, step: number, prompt: string): void => {
        if (flags.json) {
          terminal.out(JSON.stringify({ step, output, files }));
          return;
        }
        const next = `npx pipeline generate ${shellQuote(displayPath(output))} --prompt ${shellQuote(prompt)}`;
        terminal.out(`step ${step}: ${count(files.length, 'file')} in ${displayPath(output)}`);
        terminal.out(`next     ${colours.bold(next)}`);
      };
      const folder = await requireRun(name, ({ step }) => step > 0);
      const checkpoints = openCheckpoints(folder);
      const newest = (await checkpoints.list()).at(-1)?.step ?? 0;
      const checkpoint = await checkpoints.at(flags.step ?? newest);
      const output = resolve(flags.outputDir ?? join(folder, `export-step-${checkpoint.step}`));
      if (isPretraining((await readRun(folder)).recipe)) {
        const written = await exportPretraining(folder, checkpoint.folder, output, flags);
        tell(written, output, checkpoint.step, 'a dog');
        return;
      }
      const { config, plugins, model } = await prepareRun(await planRun(['--from', folder]), {
        ...(flags.exportDtype === undefined ? {} : { 'export-dtype': flags.exportDtype }),
        ...(flags.exportFormat === undefined ? {} : { 'export-format': flags.exportFormat }),
      });
      const files = await exportCheckpoint({ config, plugins, model, checkpoint: checkpoint.folder, output });
      tell(files, output, checkpoint.step, config.prompts.instancePrompt);
    });
}
