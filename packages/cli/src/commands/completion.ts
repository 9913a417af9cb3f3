// pipeline completion: scripts for shells. They ask this command what fits; the answers come from commander's tree and
// from what is here: recipes, example subjects, runs.
import { readdirSync } from 'node:fs';
import type { Complete } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { builtIns, exampleSubjects } from '../composition.ts';
import { RUNS_ROOT } from '../run/findRun.ts';

const EXAMPLES = `
Examples:
  source <(pipeline completion bash)                     this shell; in ~/.bashrc: every one
  pipeline completion zsh > ~/.pipeline-completion.zsh   then: source ~/.pipeline-completion.zsh
  pipeline completion fish > ~/.config/fish/completions/pipeline.fish`;

/** Adds `completion`, and the hidden `complete` that its scripts call. Last, when all other commands are there. */
export function addCompletion(program: Command): void {
  const completions = tab(program, { completionCommandName: 'completion' });
  program.commands.find((command) => command.name() === 'completion')?.addHelpText('after', EXAMPLES);
  const { commands } = completions;
  const run = commands.get('run');
  run?.argument('recipe', (complete) => {
    const [method = '', ...others] = builtIns.map(({ pluginName }) => pluginName);
    complete(method, '');
    for (const other of others) complete(`${method}+${other}`, '');
  });
  run?.option('subject', 'example subject', (complete) => {
    for (const [name, { classNoun }] of Object.entries(exampleSubjects)) complete(name, `a ${classNoun}`);
  });
  for (const [name, argument] of [
    ['generate', 'model'],
    ['resume', 'run'],
    ['export', 'run'],
    ['inspect', 'path'],
  ] as const) {
    commands.get(name)?.argument(argument, (complete) => {
      for (const run of runNames()) complete(`${RUNS_ROOT}/${run}`, '');
      complete('latest', 'the newest run');
      completePaths(complete);
    });
  }
  commands.get('dataset')?.argument('dir', completePaths);
  for (const option of [
    'instance-data-dir',
    'pretrained-model',
    'config',
    'from',
    'output-dir',
    'class-data-dir',
  ]) {
    run?.option(option, '', completePaths);
  }
}

/** Files and folders that go on from the word being completed, which stands last on the command line. */
function completePaths(complete: Complete): void {
  const word = process.argv.at(-1) ?? '';
  const folder = word.slice(0, word.lastIndexOf('/') + 1);
  try {
    for (const entry of readdirSync(folder || '.', { withFileTypes: true })) {
      complete(`${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`, '');
    }
  } catch {
    // Not a folder: nothing to offer.
  }
}

function runNames(): string[] {
  try {
    return readdirSync(RUNS_ROOT)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch {
    return [];
  }
}
