// pipeline ablate: runs a question as a matrix of cells and answers with tables.
import { Argument, Command, Option } from 'commander';
import type { AblateFlags } from '../ablate/ablate.ts';
import { MATRICES_ROOT, SHIPPED_MATRICES, USUAL_REDIS } from '../ablate/defaults.ts';
import { positiveInteger, wholeNumber } from '../terminal/numbers.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addReportFlags } from './reporting.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
An axis is NAME=VALUE,VALUE or NAME=FROM..TO..STEP or NAME=FROM..TO*COUNT (evenly in the logarithm); @method=lora says
where it applies. Names are method, classNoun (correct, none, wrong), identifier (rare, word, none), numInstanceImages,
any option of a run and any option of a plugin (rank, ppl.priorLossWeight). docs/ablation.md tells the rest.

Examples:
  pipeline ablate --axis method=dreambooth,dreambooth+ppl,lora --axis rank=2,4,8 --seeds 5 --subjects robot,shoe --dry-run
  pipeline ablate --axis method=dreambooth,dreambooth+ppl --set maxTrainSteps=100 --workers 2
  pipeline ablate matrix.yaml
  pipeline ablate matrix.yaml --design one-factor --baseline method=lora,rank=4
  pipeline ablate matrix.yaml --executor bullmq --redis redis://queue:6379 --store /shared/cells
  pipeline ablate paper --fast
  pipeline status ablations/paper`;

export function ablateCommand(terminal: Terminal, exit: SetExitCode): Command {
  const several = (value: string, before: readonly string[] | undefined): string[] => [
    ...(before ?? []),
    value,
  ];
  const command = new Command('ablate')
    .description('compare methods and settings as an experiment')
    .addArgument(
      new Argument(
        '[file]',
        `a matrix: .yaml, .json or .ts, or ${SHIPPED_MATRICES.join(', ')} (comes along)`,
      ),
    )
    .optionsGroup('Question:')
    .addOption(
      new Option('--axis <name=values>', 'what varies; can be said several times').argParser(several),
    )
    .addOption(new Option('--set <name=value>', 'a setting of every cell').argParser(several))
    .addOption(
      new Option('--evaluation <name=value>', 'a setting of the evaluation: imagesPerPrompt=2').argParser(
        several,
      ),
    )
    .option('--seeds <n>', 'how many seeds, or which: 0,3,7')
    .option('--subjects <names>', 'example subjects, with commas between them')
    .option('--design <design>', 'full, one-factor, fractional or fractional:HALVINGS')
    .option('--baseline <name=value,…>', 'what others are compared with; default: the first of each axis')
    .addOption(new Option('--include <name=value,…>', 'a further combination').argParser(several))
    .addOption(new Option('--exclude <name=value,…>', 'combinations to leave out').argParser(several))
    .addOption(
      new Option(
        '--equal <budget>',
        'what all cells have as much of as the baseline; default: steps',
      ).choices(['steps', 'time', 'parameters', 'none']),
    )
    .option('--fast', 'of a matrix that comes along: a few steps of everything, in minutes')
    .optionsGroup('Running:')
    .option('--dry-run', 'show the cells, what cannot run and why, and an estimate, and stop')
    .option('--no-measure', 'estimate without measuring a step')
    .option(
      '--workers <n>',
      'processes at a time, as far as memory allows; default: as cores allow',
      positiveInteger,
    )
    .option(
      '--threads <n>',
      'threads of a cell, part of its identity; default: 1 where memory has room for a cell a core',
      positiveInteger,
    )
    .addOption(
      new Option('--executor <kind>', 'processes of this machine, or workers on a queue')
        .choices(['local', 'bullmq'])
        .default('local'),
    )
    .option('--redis <url>', `the queue of --executor bullmq; default: ${USUAL_REDIS}`)
    .option(
      '--store <place>',
      'where results of its workers come from: a shared folder, or s3://BUCKET/PREFIX',
    )
    .option(
      '--retries <n>',
      'further attempts at a cell that was killed or ran out of something',
      wholeNumber,
      2,
    )
    .option('--retry-failed', 'try cells again that would fail the same way')
    .option('--keep-runs', 'keep checkpoints and exports of cells')
    .option('--output-dir <dir>', `folder of the matrix; default: ${MATRICES_ROOT}/NAME`)
    .option('--cache-dir <dir>', 'folder for what cells share, results among them; default: one per user')
    .addHelpText('after', EXAMPLES);
  addReportFlags(command);
  return command.action(async (file: string | undefined, flags: AblateFlags) => {
    const { ablate } = await import('../ablate/ablate.ts');
    exit(await ablate(file, flags, terminal));
  });
}
