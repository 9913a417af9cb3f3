// The tree of commands.
import { flagsFromSchema, type OptionDescription } from '@likeness/core';
import { Command } from 'commander';
import { ablateCommand } from './commands/ablate.ts';
import { cacheCommand } from './commands/cache.ts';
import { addCompletion } from './commands/completion.ts';
import { convertCommand } from './commands/convert.ts';
import { createCommand } from './commands/create.ts';
import { datasetCommand } from './commands/dataset.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { extractCommand } from './commands/extract.ts';
import { generateCommand } from './commands/generate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mergeCommand } from './commands/merge.ts';
import { pluginsCommand } from './commands/plugins.ts';
import { pretrainCommand } from './commands/pretrain.ts';
import { promptsCommand } from './commands/prompts.ts';
import { reportCommand } from './commands/report.ts';
import { resumeCommand } from './commands/resume.ts';
import { runCommand, type SetExitCode } from './commands/run.ts';
import { runsCommand } from './commands/runs.ts';
import { statusCommand } from './commands/status.ts';
import { tokensCommand } from './commands/tokens.ts';
import { workerCommand } from './commands/worker.ts';
import { planRun, refuseForeignFlags, type RunPlan } from './run/prepareRun.ts';
import { colours, type Terminal } from './terminal/terminal.ts';
import { VERSION } from './version.ts';

const EXAMPLES = `
Examples:
  pipeline run                                          teach the bundled model a bundled subject
  pipeline run dreambooth+ppl --instance-data-dir photos/ --class-noun dog
  pipeline generate latest --prompt "a photo of sks dog on the beach"
  pipeline doctor                                       is this machine ready?`;

/**
 * All commands.
 * @param words the command line; `run` has the flags of the plugins it names
 */
export async function createProgram(
  words: readonly string[],
  terminal: Terminal,
  exit: SetExitCode,
): Promise<Command> {
  const program = new Command('pipeline')
    .description('Teaches a text-to-image diffusion model one subject from a few pictures.')
    .version(VERSION, '-v, --version')
    .option('--no-color', 'without colours (so does NO_COLOR)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.err(text.replace(/\n$/, '')),
      outputError: (text, write) => write(colours.red(text.replace(/^error:/, colours.bold('error:')))),
    })
    .configureHelp({
      styleTitle: (text) => colours.bold(text),
      styleOptionTerm: (text) => colours.cyan(text),
      styleSubcommandTerm: (text) => colours.cyan(text),
    })
    .addHelpText('after', EXAMPLES);
  // Only `run` needs to know its plugins before its flags can be read; a recipe that cannot be found is told by it.
  const isRun = words[0] === 'run';
  const plan = (): Promise<RunPlan> => planRun(words.slice(1));
  const asksForHelp = words.includes('--help') || words.includes('-h');
  const flags = isRun && !asksForHelp ? await flagsToParse(words, plan) : await flagsForHelp(isRun, plan);
  program.commandsGroup('Teaching:');
  add(program, runCommand(plan, flags, terminal, exit));
  add(program, resumeCommand(terminal, exit));
  add(program, pretrainCommand(terminal, exit));
  program.commandsGroup('Pictures and models:');
  add(program, generateCommand(terminal, exit));
  add(program, evaluateCommand(terminal, exit));
  add(program, exportCommand(terminal));
  add(program, convertCommand(terminal, exit));
  add(program, mergeCommand(terminal, exit));
  add(program, extractCommand(terminal, exit));
  program.commandsGroup('Comparing:');
  add(program, ablateCommand(terminal, exit));
  add(program, statusCommand(terminal));
  add(program, workerCommand(terminal));
  program.commandsGroup('Words:');
  add(program, tokensCommand(terminal, exit));
  add(program, promptsCommand(terminal));
  program.commandsGroup('Looking:');
  add(program, runsCommand(terminal));
  add(program, inspectCommand(terminal));
  add(program, datasetCommand(terminal));
  add(program, pluginsCommand(terminal));
  program.commandsGroup('Comparing:');
  add(program, reportCommand(terminal));
  program.commandsGroup('Extending:');
  add(program, createCommand(terminal));
  program.commandsGroup('This machine:');
  add(program, doctorCommand(terminal, exit));
  add(program, cacheCommand(terminal));
  addCompletion(program);
  return program;
}

async function flagsToParse(
  words: readonly string[],
  plan: () => Promise<RunPlan>,
): Promise<readonly OptionDescription[]> {
  const planned = await plan();
  await refuseForeignFlags(words, planned);
  return planned.flags;
}

/** Help of `run` shows what it can; it never fails for a recipe. */
async function flagsForHelp(
  isRun: boolean,
  plan: () => Promise<RunPlan>,
): Promise<readonly OptionDescription[]> {
  try {
    return (await (isRun ? plan() : planRun([]))).flags;
  } catch {
    return flagsFromSchema();
  }
}

/** Subcommands behave as the program does: one place decides about colours, errors and exits. */
function add(program: Command, command: Command): void {
  const settle = (inner: Command): void => {
    inner.copyInheritedSettings(program);
    for (const sub of inner.commands) settle(sub);
  };
  settle(command);
  program.addCommand(command);
}
