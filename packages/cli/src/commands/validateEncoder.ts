// pipeline pretrain validate: whether an encoder is fit to judge, measured on pictures it was not trained on.
import { physicalCores } from '@likeness/core';
import { validateEncoder } from '@likeness/plugin-pretrain';
import { Command } from 'commander';
import { encoderSource } from '../composition.ts';
import { EXIT } from '../exitCodes.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
ENCODER is a folder in transformers’ layout: ViTModel, CLIPModel or ViTForImageClassification.

Example:
  pipeline pretrain validate runs/judges/image-encoder/export --data drawings/heldout`;

interface Flags {
  readonly data: readonly string[];
  readonly identity: readonly string[];
  readonly kind: string;
  readonly background: string;
  readonly threads?: string;
  readonly cacheDir?: string;
  readonly json?: boolean;
}

export function validateCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('validate')
    .description('measure whether an encoder is fit to judge')
    .argument('<encoder>')
    .requiredOption('--data <folders...>', 'captioned pictures that it was not trained on')
    .option('--identity <columns...>', 'columns that say which pictures show the same individual', [
      'drawing',
      'colour',
    ])
    .option('--kind <column>', 'column of what individuals of a kind have in common', 'noun')
    .option('--background <column>', 'column of what stands behind them', 'scene')
    .option('--threads <count>', 'threads; default: the physical cores')
    .option('--cache-dir <folder>', 'folder for what can be made again; default: one per user')
    .option('--json', 'as one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, { data, identity, kind, background, threads, cacheDir, json }: Flags) => {
      const measures = await validateEncoder({
        encoder: await encoderSource.open(folder),
        data,
        identity,
        kind,
        background,
        threads: threads === undefined ? physicalCores() : Number(threads),
        cacheDir,
      });
      if (json === true) terminal.out(JSON.stringify(measures));
      else {
        const width = Math.max(...Object.keys(measures).map((name) => name.length));
        for (const [name, value] of Object.entries(measures))
          terminal.out(`${name.padEnd(width)}  ${Number.isInteger(value) ? value : value.toFixed(4)}`);
      }
      exit(EXIT.ok);
    });
}
