// pipeline plugins: what can stand in a recipe here, with every option and its default.
import {
  ConfigError,
  didYouMean,
  flagsFromSchema,
  listPlugins,
  type OptionDescription,
  type Plugin,
} from '@likeness/core';
import { Command } from 'commander';
import { builtIns } from '../composition.ts';
import { warningLine } from '../progress/reporters.ts';
import { groupOf } from '../run/runFlags.ts';
import { truncate } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, columnsOf, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Plugins are found among the packages installed here: likeness-plugin-NAME and @scope/likeness-plugin-NAME.

Examples:
  pipeline plugins
  pipeline plugins ppl                                   one of them
  pipeline plugins core                                  the options every run has`;

export function pluginsCommand(terminal: Terminal): Command {
  return new Command('plugins')
    .description('installed plugins with their options and defaults')
    .argument('[name]', 'one of them, or core')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, { json }: { json?: boolean }) => {
      const { plugins, failures } = await listPlugins(builtIns, process.cwd());
      const shown = plugins.filter(({ plugin }) => name === undefined || plugin.name === name);
      if (name !== undefined && name !== 'core' && shown.length === 0) {
        const known = plugins.map(({ plugin }) => plugin.name);
        throw new ConfigError('no such plugin here', {
          code: 'usage/unknown-name',
          where: `pipeline plugins ${name}`,
          expected: `one of ${known.join(', ')}, core${didYouMean(name, known)}`,
          got: name,
        });
      }
      const core = flagsFromSchema();
      if (json) {
        const described = shown.map(({ plugin, from }) => ({
          ...factsOf(plugin),
          from,
          options: optionsOf(plugin),
        }));
        terminal.out(JSON.stringify({ plugins: described, core, failures }));
        return;
      }
      if (name === 'core') tellCore(core, terminal);
      for (const { plugin, from } of shown) tellPlugin(plugin, from, terminal);
      for (const text of failures) terminal.err(warningLine({ code: 'plugin/not-loaded', text }));
      if (name === undefined) terminal.out(colours.dim('pipeline plugins core: the options every run has'));
    });
}

function tellPlugin(plugin: Plugin, from: string, { out }: Terminal): void {
  const { name, version, description, conflicts, requires } = plugin;
  out(`${colours.bold(name)} ${colours.dim([version, from].filter(Boolean).join(', '))}`);
  out(`  ${description}`);
  if (requires.length > 0) out(`  needs ${requires.join(', ')}`);
  if (Object.keys(conflicts).length > 0) out(`  not together with ${Object.keys(conflicts).join(', ')}`);
  out(optionTable(optionsOf(plugin)));
  out('');
}

function tellCore(options: readonly OptionDescription[], { out }: Terminal): void {
  for (const group of [...new Set(options.map(groupOf))]) {
    out(colours.bold(group));
    out(optionTable(options.filter((option) => groupOf(option) === group)));
    out('');
  }
}

function optionTable(options: readonly OptionDescription[]): string {
  const rows = options.map(({ flag, type, choices, default: fallback, description }) => [
    `  --${flag}`,
    fallback === undefined ? (choices?.join('|') ?? type) : showDefault(fallback),
    description,
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  // On a log nothing is cut: it has no width.
  const room = process.stdout.isTTY
    ? columnsOf() - widths.reduce((sum, width) => sum + width + 2, 0)
    : Infinity;
  return table(
    [{ title: '' }, { title: '' }, { title: '' }],
    rows.map(([flag = '', value = '', description = '']) => [flag, value, truncate(description, room)]),
    (text, column) => (column === 1 ? colours.cyan(text) : text),
  );
}

function optionsOf(plugin: Plugin): OptionDescription[] {
  return flagsFromSchema([plugin]).filter(({ owner }) => owner === plugin.name);
}

function factsOf({ name, version, description, conflicts, requires }: Plugin): object {
  return { name, version, description, conflicts, requires };
}

function showDefault(value: unknown): string {
  return Array.isArray(value) && value.length === 0 ? '–' : String(value);
}
