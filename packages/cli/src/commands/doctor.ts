// pipeline doctor: is this machine ready, and what to do if not.
import { cacheDir } from '@likeness/engine';
import { Command } from 'commander';
import { checkMachine, type Check } from '../doctor/checks.ts';
import { EXIT } from '../exitCodes.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
Examples:
  pipeline doctor
  pipeline doctor --json`;

const MARKS: Readonly<Record<Check['state'], string>> = {
  ok: colours.green('✔'),
  note: colours.yellow('!'),
  wrong: colours.red('✘'),
};

export function doctorCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('doctor')
    .description('check this machine: Node, TensorFlow, devices, memory, disk, caches')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json }: { json?: boolean }) => {
      const checks = await checkMachine(cacheDir());
      if (json) terminal.out(JSON.stringify(checks));
      else tellChecks(checks, terminal);
      exit(checks.some(({ state }) => state === 'wrong') ? EXIT.error : EXIT.ok);
    });
}

function tellChecks(checks: readonly Check[], { out }: Terminal): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, state, value, hint } of checks) {
    out(`${MARKS[state]} ${name.padEnd(width)}  ${value}`);
    if (hint !== undefined) out(`  ${''.padEnd(width)}  ${colours.dim('→')} ${hint}`);
  }
  const wrong = checks.filter(({ state }) => state === 'wrong').length;
  const notes = checks.filter(({ state }) => state === 'note').length;
  out('');
  if (wrong > 0) out(`${wrong === 1 ? 'one thing is' : `${wrong} things are`} wrong: see → above`);
  else out(notes > 0 ? 'ready; → above could be better' : 'ready');
}
