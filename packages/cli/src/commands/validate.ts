// pipeline pretrain validate: whether an encoder is fit to judge; how well a model's autoencoder gives pictures back, and
// how far words move its text states. Measured on pictures they were not trained on.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, physicalCores } from '@likeness/core';
import {
  measureFidelity,
  validateEncoder,
  validateModel,
  type FidelityRow,
  type Validation,
} from '@likeness/plugin-pretrain';
import { Command } from 'commander';
import { encoderSource, modelSource } from '../composition.ts';
import { EXIT } from '../exitCodes.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
NETWORK is a folder in transformers’ layout: ViTModel, CLIPModel or ViTForImageClassification; or a text-to-image model: of
that, how well pictures come back from the autoencoder (psnr, l1), and how far apart text states are that differ in one word,
alone and beside others (apart.noun, apart.noun.beside.colour): states that lie close together draw the same thing.

Examples:
  pipeline pretrain validate runs/judges/image-encoder/export --data drawings/heldout
  pipeline pretrain validate runs/judges/image-encoder/export --data drawings/train --subjects drawings/subjects \\
    --pictures base=samples/base tuned=samples/tuned
  pipeline pretrain validate runs/mine/vae/export --data drawings/heldout`;

interface Flags {
  readonly data: readonly string[];
  readonly identity: readonly string[];
  readonly kind: string;
  readonly background: string;
  readonly subjects?: string;
  readonly pictures?: readonly string[];
  readonly threads?: number;
  readonly cacheDir?: string;
  readonly json?: boolean;
}

export function validateCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('validate')
    .description('measure whether an encoder is fit to judge, or a model’s autoencoder and text encoder')
    .argument('<network>')
    .requiredOption('--data <folders...>', 'captioned pictures that it was not trained on')
    .option('--identity <columns...>', 'columns that say which pictures show the same individual', [
      'drawing',
      'colour',
    ])
    .option('--kind <column>', 'column of what individuals of a kind have in common', 'noun')
    .option('--background <column>', 'column of what stands behind them', 'scene')
    .option(
      '--subjects <folder>',
      'the score of subjects instead: NAME/*.png, NAME/further/*.png, subjects.json',
    )
    .option('--pictures <name=folder...>', 'scores of further pictures of the subjects: NAME/*.png in each')
    .option('--threads <count>', 'threads; default: the physical cores', positiveInteger)
    .option('--cache-dir <folder>', 'folder for what can be made again; default: one per user')
    .option('--json', 'as one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: Flags, command: Command) => {
      const { data, identity, kind, background, subjects, pictures = [], cacheDir, json } = flags;
      const { threads = physicalCores() } = flags;
      if (subjects === undefined && pictures.length > 0) {
        throw new ConfigError('pictures of which subjects?', {
          code: 'usage/contradiction',
          where: '--pictures',
          expected: '--subjects FOLDER beside it',
          got: pictures.join(' '),
        });
      }
      const tell = (measures: Validation): void => {
        if (json === true) terminal.out(JSON.stringify(measures));
        else for (const line of measureLines(measures)) terminal.out(line);
        exit(EXIT.ok);
      };
      if (!isEncoderFolder(folder)) {
        if (subjects !== undefined) {
          throw new ConfigError('only encoders score subjects', {
            code: 'usage/flag-without-effect',
            where: '--subjects',
            got: folder,
          });
        }
        refuseFlags(command, ['identity', 'kind', 'background'], 'a model is not asked who is in a picture');
        const model = await modelSource.open(folder);
        tell(await validateModel({ model, data, threads, cacheDir }));
        return;
      }
      const encoder = await encoderSource.open(folder);
      if (subjects !== undefined) {
        refuseFlags(command, ['identity', 'background'], 'folders say which subject is in a picture');
        const groups = Object.fromEntries(pictures.map(namedFolder));
        const rows = await measureFidelity({ encoder, subjects, data, kind, groups, threads });
        if (json === true) terminal.out(JSON.stringify(rows));
        else for (const line of fidelityTable(rows)) terminal.out(line);
        exit(EXIT.ok);
        return;
      }
      const columns = { identity, kind, background };
      tell(await validateEncoder({ encoder, data, ...columns, threads, cacheDir }));
    });
}

/** Flags that would change nothing. */
function refuseFlags(command: Command, names: readonly string[], why: string): void {
  const said = names
    .filter((name) => command.getOptionValueSource(name) === 'cli')
    .map((name) => `--${name}`);
  if (said.length === 0) return;
  throw new ConfigError(`${said.join(' and ')} would change nothing: ${why}`, {
    code: 'usage/flag-without-effect',
    where: said.join(', '),
    hint: `leave ${said.length === 1 ? 'it' : 'them'} out`,
  });
}

/** A folder of transformers: models of diffusers have a folder for each network, single files none. */
const isEncoderFolder = (folder: string): boolean => existsSync(join(folder, 'config.json'));

function measureLines(measures: Validation): string[] {
  const width = Math.max(...Object.keys(measures).map((name) => name.length));
  return Object.entries(measures).map(
    ([name, value]) => `${name.padEnd(width)}  ${Number.isInteger(value) ? value : value.toFixed(4)}`,
  );
}

/** `base=samples/base` */
function namedFolder(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new ConfigError('pictures need a name', {
    code: 'usage/bad-value',
    where: '--pictures',
    expected: 'name=folder',
    got: text,
  });
}

function fidelityTable(rows: readonly FidelityRow[]): string[] {
  const number = (value: number | undefined): string =>
    (value === undefined ? '' : value.toFixed(3)).padStart(7);
  const width = Math.max(8, ...rows.map(({ group }) => group.length));
  const head = ['pictures', '   mean', '     5%', ' median', '    95%', ' real above'].join('  ');
  return [
    `${''.padEnd(width)}  ${head}`,
    ...rows.map(({ group, pictures, mean, low, median, high, auc }) =>
      [
        group.padEnd(width),
        String(pictures).padStart(8),
        ...[mean, low, median, high].map(number),
        number(auc).padStart(11),
      ].join('  '),
    ),
  ];
}
