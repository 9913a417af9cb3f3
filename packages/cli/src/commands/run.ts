// pipeline run: teaches a model a subject.
import { runPipeline, type OptionDescription, shellQuote } from '@likeness/core';
import { Argument, Command } from 'commander';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { watchOf } from '../evaluate/watchRun.ts';
import { createReporter, type Reporter } from '../progress/reporters.ts';
import { diskWarnings } from '../run/diskSpace.ts';
import { diskNeeds, estimateRun } from '../run/estimate.ts';
import { followRun } from '../run/followRun.ts';
import { RUNS_ROOT } from '../run/findRun.ts';
import { DEFAULT_RECIPE, prepareRun, type PreparedRun, type RunPlan } from '../run/prepareRun.ts';
import { commanderOptions, saidFlags } from '../run/runFlags.ts';
import { displayPath, pathsShownFrom } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { addReportFlags, reportStyle, type ReportFlags } from './reporting.ts';
import { tellPlan } from './dryRun.ts';

const EXAMPLES = `
Examples:
  pipeline run                                          teaches the bundled model a bundled subject
  pipeline run dreambooth+ppl --subject tuxedo-cat
  pipeline run dreambooth --instance-data-dir photos/ --class-noun dog
  pipeline run --config likeness.config.ts --max-train-steps 800
  pipeline run --pretrained-model stable-diffusion-v1-5/stable-diffusion-v1-5 \\
      --instance-data-dir photos/ --class-noun dog --gradient-checkpointing --dry-run
  pipeline run --from runs/20250131-142501-dreambooth+ppl-1a2b3c4d --seed 1
  pipeline run --resume latest`;

interface OwnFlags extends ReportFlags {
  readonly dryRun?: boolean;
}

export type SetExitCode = (code: ExitCode) => void;

/** The command with the flags of core and of the recipe's plugins. */
export function runCommand(
  plan: () => Promise<RunPlan>,
  flags: readonly OptionDescription[],
  terminal: Terminal,
  exit: SetExitCode,
): Command {
  const command = new Command('run')
    .description('teach a model a subject from a few pictures')
    .addArgument(new Argument('[recipe]', `methods joined by + (default: ${DEFAULT_RECIPE})`))
    .optionsGroup('Settings from elsewhere:')
    .option('--config <file>', 'settings from a .ts, .js, .yaml or .json file; flags win over it')
    .option(
      '--from <path>',
      'the settings of an earlier run: its folder, its config.json, or a file it exported',
    )
    .option('--dry-run', 'show the settings and an estimate of time, memory and disk, and stop')
    .addHelpText('after', EXAMPLES);
  for (const flag of flags) for (const option of commanderOptions(flag)) command.addOption(option);
  addReportFlags(command);
  return command.action(async (_recipe: string | undefined, opts: OwnFlags & Record<string, unknown>) => {
    const planned = await plan();
    const prepared = await prepareRun(
      planned,
      saidFlags(opts, planned.flags),
      loadingProgress(opts, terminal),
    );
    if (opts.dryRun) {
      await (await watchOf(prepared.config))?.close();
      const room = await diskWarnings(await diskNeeds(prepared, RUNS_ROOT));
      const plan = { ...prepared, warnings: [...prepared.warnings, ...room] };
      tellPlan(plan, await estimateRun(prepared), opts.json === true, terminal);
      return;
    }
    exit(await startRun(prepared, opts, terminal));
  });
}

/** Runs what is prepared, to its end or its interruption. */
export async function startRun(
  { config, plugins, model, warnings }: PreparedRun,
  flags: ReportFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const style = reportStyle(flags, terminal);
  const watch = await watchOf(config);
  const reporter: Reporter = createReporter(style, terminal);
  const room = await diskWarnings(await diskNeeds({ config, plugins, model, warnings }, RUNS_ROOT));
  for (const warning of [...warnings, ...room]) reporter.event({ type: 'warning', ...warning });
  const last = await followRun(
    (signal) =>
      runPipeline({ config, plugins, model, runsRoot: RUNS_ROOT, signal, ...(watch ? { watch } : {}) }),
    reporter,
  );
  if (last?.type === 'run-interrupted') {
    if (style === 'live' || style === 'plain') tellInterrupted(last, terminal);
    return EXIT.interrupted;
  }
  if (last !== undefined && (style === 'live' || style === 'plain')) {
    const { folder, export: exported, sheet } = last;
    const prompt = `${config.prompts.instancePrompt} on the beach`;
    const next = `npx pipeline generate ${shellQuote(displayPath(folder))} --prompt ${shellQuote(prompt)}`;
    terminal.out('');
    if (sheet !== undefined) terminal.out(`sheet    ${displayPath(sheet)}`);
    terminal.out(`export   ${displayPath(exported)}`);
    terminal.out(`next     ${colours.bold(next)}`);
  }
  return EXIT.ok;
}

/** How far the run came, and what is typed to go on. */
export function tellInterrupted(
  { step, checkpoint, resume }: { step: number; checkpoint?: string; resume: string },
  { out }: Terminal,
): void {
  out('');
  out(`stopped after step ${step}${checkpoint === undefined ? ', before there was anything to keep' : ''}`);
  if (checkpoint !== undefined) out(`checkpoint  ${displayPath(checkpoint)}`);
  out(`go on with  ${colours.bold(resume.replace(`${pathsShownFrom()}/`, ''))}`);
}

/** Files of the Hub take a while before a run can even be configured: one line on stderr tells. */
function loadingProgress(
  flags: ReportFlags,
  terminal: Terminal,
): { onProgress?: (done: number, total: number, message: string) => void } {
  if (flags.quiet) return {};
  let lastTold = Date.now();
  return {
    onProgress: (done, total, message) => {
      if (Date.now() - lastTold < 2000) return;
      lastTold = Date.now();
      const percent = total > 0 ? ` ${Math.round((100 * done) / total)} %` : '';
      terminal.err(colours.dim(`${message}${percent}`));
    },
  };
}
