// pipeline create plugin: the package of a method or a loss of one's own, which passes its test at once.
import { Command, Option } from 'commander';
import {
  createPluginPackage,
  LICENSES,
  PLUGIN_KINDS,
  type License,
  type PluginKind,
} from '../create/pluginPackage.ts';
import { displayPath } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline create plugin bias-tuning
  pipeline create plugin huber --kind loss
  pipeline create plugin huber --kind loss --license Apache-2.0 --in ~/work`;

interface CreateFlags {
  readonly kind: PluginKind;
  readonly license: License;
  readonly in: string;
}

export function createCommand(terminal: Terminal): Command {
  const plugin = new Command('plugin')
    .description('a package likeness-plugin-NAME with a working method or loss, its test and its README')
    .argument('<name>', 'what recipes will call it: lower-case words joined by dashes')
    .addOption(
      new Option('--kind <kind>', 'method: what trains; loss: how predictions are judged')
        .choices(PLUGIN_KINDS)
        .default('method'),
    )
    .addOption(new Option('--license <license>', 'licence of the package').choices(LICENSES).default('none'))
    .option('--in <dir>', 'folder to make it in', '.')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, { kind, license, in: parent }: CreateFlags) => {
      const folder = await createPluginPackage({ name, kind, license, parent });
      const recipe = kind === 'method' ? name : `dreambooth+${name}`;
      terminal.out(`${colours.bold(displayPath(folder))}: start at src/index.ts`);
      terminal.out('');
      terminal.out('next:');
      for (const [command, does] of [
        [`cd ${displayPath(folder)}`, ''],
        ['npm install', ''],
        ['npm test', 'builds it and runs what every plugin must pass'],
        ['npx pipeline run --config likeness.config.ts', `${recipe} on the bundled model, from the sources`],
      ] as const) {
        terminal.out(`  ${colours.cyan(command)}${does === '' ? '' : colours.dim(`   ${does}`)}`);
      }
    });
  return new Command('create')
    .description('start something of your own')
    .addHelpText('after', EXAMPLES)
    .addCommand(plugin);
}
