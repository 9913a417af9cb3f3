// How a command reports: shared by those that run something long.
import type { Command } from 'commander';
import type { ReportStyle } from '../progress/reporters.ts';
import type { Terminal } from '../terminal/terminal.ts';

export interface ReportFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addReportFlags(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .option('--json', 'one event a line on stdout and nothing else')
    .option('--quiet', 'warnings, errors and the result’s folder only');
}

export function reportStyle({ json, quiet }: ReportFlags, terminal: Terminal): ReportStyle {
  if (json) return 'json';
  if (quiet) return 'quiet';
  return terminal.isLive ? 'live' : 'plain';
}
