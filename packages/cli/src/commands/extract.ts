// pipeline extract: LoRA from the difference of two models.
import { basename, dirname, resolve } from 'node:path';
import { ConfigError } from '@likeness/core';
import {
  adaptableLayers,
  extractAdapters,
  layersMeant,
  LORA_FORMATS,
  totalShare,
  writeAdapters,
  type Extracted,
  type LayerShare,
  type LeftOver,
  type LoraFormat,
} from '@likeness/plugin-lora';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openModel } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { exportedPath } from '../run/exportedPath.ts';
import { refuseExisting, writeWhole } from '../run/wholeOutput.ts';
import { count, displayPath, formatPercent } from '../terminal/format.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { timeLeft } from '../terminal/timeLeft.ts';
import type { SetExitCode } from './run.ts';

const DEFAULT_RANK = 16;
/** With --energy: an adapter of a higher rank is hardly smaller than the layer. */
const HIGHEST_RANK = 128;

const EXAMPLES = `
Each layer gets the nearest adapters of the rank (singular value decomposition; nothing is clamped); what they keep of
the change, its energy, is told for all layers together and for those that lose most. Biases, norms and embeddings
cannot be in a LoRA: those that differ are named.

Examples:
  pipeline extract doodle runs/20250131-142501-dreambooth-1a2b3c4d/export robot.safetensors --rank 8
  pipeline extract stable-diffusion-v1-5/ tuned.safetensors robot.safetensors --energy 0.95 --lora-format kohya
  pipeline extract doodle latest robot.safetensors --target attn --dtype fp16`;

interface ExtractFlags {
  readonly rank?: number;
  readonly energy?: number;
  readonly target?: readonly string[];
  readonly loraFormat: LoraFormat;
  readonly dtype: 'fp32' | 'fp16' | 'bf16';
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function extractCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('extract')
    .description('make a LoRA from the difference of two models')
    .argument('<base>', 'model folder, single file, Hub id, or doodle')
    .argument('<tuned>', 'what was tuned from it: model folder, single file, run, or latest')
    .argument('<out>', 'a .safetensors file, or a folder')
    .option('--rank <n>', `rank of the adapters; default: ${DEFAULT_RANK}`, positiveInteger)
    .option(
      '--energy <share>',
      `keep this share of each layer's change, 0 to 1: ranks follow, up to --rank (then ${HIGHEST_RANK})`,
      share,
    )
    .addOption(
      new Option(
        '--target <layers>',
        'layers to adapt: attn, attn-mlp, full, the end of a path or a glob; several: say it again; default: full',
      ).argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]),
    )
    .addOption(
      new Option('--lora-format <dialect>', 'spelling of the file')
        .choices(LORA_FORMATS)
        .default('diffusers'),
    )
    .addOption(
      new Option('--dtype <type>', 'number type of the file')
        .choices(['fp32', 'fp16', 'bf16'])
        .default('fp32'),
    )
    .option('--overwrite', 'replace what stands there')
    .optionsGroup('Output:')
    .option('--json', 'what every layer keeps, as JSON')
    .option('--quiet', 'only what was written')
    .addHelpText('after', EXAMPLES)
    .action(async (base: string, tuned: string, output: string, flags: ExtractFlags) => {
      exit(await extract([base, tuned], output, flags, terminal));
    });
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 1))
    throw new InvalidArgumentError('expected a share above 0, up to 1');
  return value;
}

async function extract(
  [baseName, tunedName]: readonly [string, string],
  output: string,
  flags: ExtractFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { energy, rank = energy === undefined ? DEFAULT_RANK : HIGHEST_RANK, loraFormat, dtype } = flags;
  if (loraFormat === 'peft' && output.endsWith('.safetensors'))
    throw new ConfigError('PEFT keeps settings beside the weights', {
      code: 'adapter/peft-is-a-folder',
      where: output,
      expected: 'the name of a folder',
    });
  await refuseExisting(output, flags);
  const line = progressLine(terminal, !flags.json && !flags.quiet);
  try {
    line.show('reading', 0, 0);
    // the difference of weights is the same whatever they predict
    const quiet = { onWarning: () => undefined };
    const base = await openModel(await exportedPath(baseName), quiet);
    const tuned = await openModel(await exportedPath(tunedName), quiet);
    const layers = layersMeant(adaptableLayers(base), flags.target ?? ['full'], '--target');
    const left = timeLeft();
    const extracted = await writeWhole(output, async (path, signal) => {
      const found = await extractAdapters(base, tuned, layers, {
        rank,
        ...(energy === undefined ? {} : { energy }),
        signal,
        onProgress: (done, total) => {
          line.show(`extracting${left(done, total)}`, done, total);
        },
      });
      if (found.adapters.length === 0) throw nothingFound(found, baseName, tunedName);
      const isFile = path.endsWith('.safetensors');
      await writeAdapters(isFile ? dirname(path) : path, found.adapters, {
        model: base,
        format: loraFormat,
        dtype,
        metadata: { format: 'pt', likeness_extract: JSON.stringify({ rank, energy }) },
        ...(isFile ? { fileName: basename(path) } : {}),
      });
      return found;
    });
    line.end();
    if (extracted === undefined) return EXIT.interrupted;
    const target = displayPath(resolve(output));
    if (flags.json) terminal.out(JSON.stringify(asJson(extracted, resolve(output))));
    else if (flags.quiet) terminal.out(target);
    else for (const text of report(extracted, energy)) terminal.out(text);
    if (!flags.json && !flags.quiet) terminal.out(`written  ${colours.bold(target)}`);
    return EXIT.ok;
  } finally {
    line.end();
  }
}

function nothingFound({ leftOver }: Extracted, base: string, tuned: string): ConfigError {
  return new ConfigError('the layers of both models are equal', {
    code: 'adapter/models-are-equal',
    where: `${base}, ${tuned}`,
    expected: 'a model and what was tuned from it',
    ...(leftOver.length > 0
      ? {
          got: `differences in ${leftOver
            .map(({ weight }) => weight)
            .slice(0, 5)
            .join(', ')}`,
        }
      : {}),
  });
}

const kept = ({ energy, keptEnergy }: LayerShare): number =>
  energy === 0 ? 1 : Math.min(1, keptEnergy / energy);

function asJson({ shares, leftOver }: Extracted, output: string): unknown {
  return {
    output,
    energyKept: totalShare(shares),
    layers: shares.map((share_) => ({
      layer: `${share_.layer.component}.${share_.layer.path}`,
      rank: share_.rank,
      energy: share_.energy,
      energyKept: kept(share_),
    })),
    leftOver,
  };
}

const SHOWN = 5;

function report({ shares, leftOver }: Extracted, energy: number | undefined): string[] {
  const worst = [...shares].sort((a, b) => kept(a) - kept(b)).slice(0, SHOWN);
  const ranks = shares.map(({ rank }) => rank);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  const short = energy === undefined ? [] : shares.filter((one) => kept(one) < energy);
  return [
    table(
      [
        { title: 'layers that lose most' },
        { title: 'rank', align: 'right' },
        { title: 'kept', align: 'right' },
      ],
      worst.map((one) => [
        `${one.layer.component}.${one.layer.path}`,
        String(one.rank),
        formatPercent(kept(one)),
      ]),
    ),
    '',
    `${count(shares.length, 'layer')}, rank ${least === most ? least : `${least} to ${most}`}: ${formatPercent(totalShare(shares))} of the energy of the change is kept`,
    ...(short.length > 0
      ? [
          colours.yellow(
            `${count(short.length, 'layer')} would need a higher rank to keep ${formatPercent(energy ?? 1)}: --rank raises the limit`,
          ),
        ]
      : []),
    ...leftOverLines(leftOver),
  ];
}

function leftOverLines(leftOver: readonly LeftOver[]): string[] {
  if (leftOver.length === 0) return [];
  const largest = [...leftOver].sort((a, b) => b.largestDifference - a.largestDifference).slice(0, SHOWN);
  return [
    colours.yellow(
      `${count(leftOver.length, 'weight')} differ and are not in the file (biases, norms, embeddings, other layers):`,
    ),
    ...largest.map(
      ({ weight, largestDifference }) => `  ${weight}, by up to ${largestDifference.toPrecision(2)}`,
    ),
    ...(leftOver.length > SHOWN ? [`  … and ${leftOver.length - SHOWN} more (--json lists them)`] : []),
  ];
}
