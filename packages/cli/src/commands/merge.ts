// pipeline merge: adapters into a model's weights, out of them again, or several files of adapters into one.
import { rm } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ConfigError } from '@likeness/core';
import { adaptableLayers, LORA_FORMATS, openAdapters, undoPathOf } from '@likeness/plugin-lora';
import { Command, Option } from 'commander';
import { openModel } from '../composition.ts';
import { predictionTypeOption, type ModelFlags } from '../run/modelOptions.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { parseAdapterArgument, type AdapterArgument } from '../run/adapterArguments.ts';
import { exportedPath } from '../run/exportedPath.ts';
import { joinFiles, putIn, takeOut, type MergeSettings } from '../run/mergeWork.ts';
import { refuseExisting, writeWhole } from '../run/wholeOutput.ts';
import { displayPath } from '../terminal/format.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
A merged model keeps a record of what rounding took (likeness.undo, beside it), so that the same adapters at the same
weights can be taken out again: the weights are the base's then, bit for bit, which is checked. Without the record,
arithmetic gives them back up to a rounding or two, and how far off that can be is told; DoRA cannot be taken out then.

Examples:
  pipeline merge doodle --lora robot.safetensors --output-dir robot-model
  pipeline merge my-model/ --lora robot.safetensors:0.8 --lora style.safetensors:0.5 --output-dir both --export-format ldm
  pipeline merge robot-model/ --lora robot.safetensors --subtract --output-dir doodle-again
  pipeline merge doodle --lora robot.safetensors:0.8 --lora style.safetensors:0.5 --lora-only --rank 8 --output-dir joined`;

interface MergeFlags extends MergeSettings, ModelFlags {
  readonly lora: readonly AdapterArgument[];
  readonly outputDir: string;
  readonly subtract?: boolean;
  readonly loraOnly?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function mergeCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('merge')
    .description('put adapters into a model, take them out, or join several into one file')
    .argument('<model>', 'model folder, single file, run, Hub id, or doodle')
    .addOption(
      new Option('--lora <file[:weight]>', 'adapters and how strongly they count; several: say it again')
        .argParser((text: string, before: readonly AdapterArgument[] | undefined) => [
          ...(before ?? []),
          parseAdapterArgument(text),
        ])
        .makeOptionMandatory(),
    )
    .requiredOption('--output-dir <dir>', 'folder to write, or a .safetensors file where the format is one')
    .option('--subtract', 'take the adapters out; the same as weights below 0')
    .addOption(
      new Option('--export-format <format>', 'a diffusers folder, or a single file').choices([
        'diffusers',
        'ldm',
      ]),
    )
    .addOption(
      new Option('--dtype <type>', 'number type; default: as it is').choices(['fp32', 'fp16', 'bf16']),
    )
    .option('--no-undo', 'keep no record for taking the adapters out again')
    .option('--overwrite', 'replace what stands there')
    .optionsGroup('Adapters without a model:')
    .option('--lora-only', 'join the adapters into one file; the model only names the layers')
    .option(
      '--rank <n>',
      'cut the joined adapters to this rank; default: the sum of the ranks',
      positiveInteger,
    )
    .addOption(new Option('--lora-format <dialect>', 'spelling of the joined file').choices(LORA_FORMATS))
    .addOption(predictionTypeOption())
    .optionsGroup('Output:')
    .option('--json', 'what was done, as JSON')
    .option('--quiet', 'only what was written')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: MergeFlags) => {
      exit(await merge(name, flags, terminal));
    });
}

async function merge(name: string, flags: MergeFlags, terminal: Terminal): Promise<ExitCode> {
  checkFlags(flags);
  await refuseExisting(flags.outputDir, flags);
  const source = await exportedPath(name);
  const line = progressLine(terminal, !flags.json && !flags.quiet);
  try {
    line.show('reading', 0, 0);
    const model = await openModel(source, { predictionType: flags.predictionType });
    const layers = adaptableLayers(model);
    const files = await Promise.all(
      flags.lora.map(async ({ path, weight }) => ({
        name: basename(path),
        adapters: (await openAdapters(await exportedPath(path), layers)).adapters,
        weight,
      })),
    );
    const work = flags.loraOnly ? joinFiles : takesOut(flags) ? takeOut : putIn;
    const output = resolve(flags.outputDir);
    const outcome = await writeWhole(output, (path, signal) =>
      work({ model, files, source, path, settings: flags, line, signal }),
    );
    line.end();
    if (outcome === undefined) return EXIT.interrupted;
    // A record that stood there is one of another model.
    if (flags.overwrite && !outcome.hasRecord) await rm(undoPathOf(output), { force: true });
    if (flags.json) terminal.out(JSON.stringify({ output, ...outcome.facts }));
    else if (flags.quiet) terminal.out(displayPath(output));
    else
      for (const text of [...outcome.lines, `written  ${colours.bold(displayPath(output))}`])
        terminal.out(text);
    return EXIT.ok;
  } finally {
    line.end();
  }
}

const takesOut = ({ subtract, lora }: MergeFlags): boolean =>
  subtract === true || lora.every(({ weight }) => weight < 0);

/** An option that would do nothing is a mistake somebody wants to hear of. */
function checkFlags(flags: MergeFlags): void {
  const { lora, subtract, loraOnly, rank, loraFormat, exportFormat, undo, outputDir } = flags;
  const idle = loraOnly
    ? [
        ...(subtract ? ['--subtract'] : []),
        ...(exportFormat === undefined ? [] : ['--export-format']),
        ...(undo ? [] : ['--no-undo']),
      ]
    : [...(rank === undefined ? [] : ['--rank']), ...(loraFormat === undefined ? [] : ['--lora-format'])];
  if (idle.length > 0) {
    throw new ConfigError(`${idle.join(', ')} does nothing ${loraOnly ? 'with' : 'without'} --lora-only`, {
      code: 'usage/flag-without-effect',
      hint: loraOnly
        ? 'a joined file takes weights below 0, and --lora-format'
        : 'say --lora-only too, or leave it out',
    });
  }
  if (subtract && lora.some(({ weight }) => weight < 0)) {
    throw new ConfigError('subtracting what counts less than nothing', {
      code: 'usage/contradiction',
      where: '--subtract',
      expected: 'the weights the adapters were merged with, or weights below 0 without --subtract',
    });
  }
  const isFile = outputDir.endsWith('.safetensors');
  if (isFile && !loraOnly && exportFormat !== 'ldm') {
    throw new ConfigError('a diffusers model is a folder', {
      code: 'usage/output-kind',
      where: `--output-dir ${outputDir}`,
      hint: 'say --export-format ldm, or the name of a folder',
    });
  }
  if (isFile && loraOnly && loraFormat === 'peft') {
    throw new ConfigError('PEFT keeps settings beside the weights', {
      code: 'adapter/peft-is-a-folder',
      where: `--output-dir ${outputDir}`,
      expected: 'the name of a folder',
    });
  }
}
