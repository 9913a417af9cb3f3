// pipeline convert: adapters, embeddings and models between the dialects of the tools.
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import {
  ConfigError,
  LikenessError,
  readSafetensorsHeader,
  WeightsError,
  type ModelExportOptions,
} from '@likeness/core';
import {
  adaptableLayers,
  adapterFilesAt,
  convertAdapters,
  LORA_FORMATS,
  openAdapters,
  pretrainedModelOf,
  type LoraFormat,
} from '@likeness/plugin-lora';
import { readEmbedding, writeEmbedding, type EmbeddingFormat } from '@likeness/plugin-textual-inversion';
import { Command, Option } from 'commander';
import { BUNDLED_MODEL, openModel } from '../composition.ts';
import { predictionTypeOption, type ModelFlags } from '../run/modelOptions.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { exportedPath } from '../run/exportedPath.ts';
import { kindOf, type WeightsKind } from '../run/weightsKind.ts';
import { refuseExisting, writeWhole } from '../run/wholeOutput.ts';
import { count, displayPath } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const FORMATS = ['diffusers', 'peft', 'kohya', 'ldm'] as const;
type Format = (typeof FORMATS)[number];

const EXAMPLES = `
What IN is decides: adapters go to diffusers, peft and kohya (A1111, ComfyUI), embeddings to diffusers (one key, the
word) and kohya (emb_params), models to diffusers (a folder) and ldm (a single file). Numbers stay as they are, bit for
bit, unless --dtype says otherwise; float64 and whole numbers of adapters and embeddings become float32.

Examples:
  pipeline convert pytorch_lora_weights.safetensors robot.safetensors --to kohya
  pipeline convert robot.safetensors robot-peft --to peft --pretrained-model models/stable-diffusion-v1-5
  pipeline convert learned_embeds.safetensors my-cat.safetensors --to kohya
  pipeline convert my-model/ my-model.safetensors --to ldm --dtype fp16`;

interface ConvertFlags extends ModelFlags {
  readonly to: Format;
  readonly dtype?: Exclude<ModelExportOptions['dtype'], 'asIs'>;
  readonly pretrainedModel?: string;
  readonly token?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function convertCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('convert')
    .description('write adapters, embeddings or a model as another tool spells them')
    .argument('<in>', 'adapters (file, PEFT folder, run), embedding, model folder or single file')
    .argument('<out>', 'a .safetensors file, or a folder')
    .addOption(new Option('--to <format>', 'whose spelling').choices(FORMATS).makeOptionMandatory())
    .addOption(
      new Option('--dtype <type>', 'number type; default: as it is').choices(['fp32', 'fp16', 'bf16']),
    )
    .option(
      '--pretrained-model <model>',
      `the model that adapters belong to; default: the one the file names, else ${BUNDLED_MODEL}`,
    )
    .option('--token <word>', 'the word of an embedding; default: the one the file names, else its name')
    .addOption(predictionTypeOption())
    .option('--overwrite', 'replace what stands there')
    .optionsGroup('Output:')
    .option('--json', 'the files written, as JSON')
    .option('--quiet', 'only what was written')
    .addHelpText('after', EXAMPLES)
    .action(async (input: string, output: string, flags: ConvertFlags) => {
      exit(await convert(input, output, flags, terminal));
    });
}

async function convert(
  name: string,
  output: string,
  flags: ConvertFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const input = await exportedPath(name);
  await refuseExisting(output, flags);
  const kind = await kindOf(input);
  checkFlags(kind, flags, name);
  const work = { adapters: adapterWork, embedding: embeddingWork, model: modelWork }[kind];
  const write = await work(input, output, flags);
  const files = await writeWhole(output, write);
  if (files === undefined) return EXIT.interrupted;
  const shown = files.map((file) =>
    displayPath(file.replace(/.*\.unfinished-[^/\\]*[/\\]/, `${dirname(resolve(output))}/`)),
  );
  if (flags.json) terminal.out(JSON.stringify({ kind, to: flags.to, output: resolve(output), files: shown }));
  else if (flags.quiet) terminal.out(displayPath(resolve(output)));
  else
    terminal.out(
      `${kind === 'adapters' ? 'adapters' : `the ${kind}`} as ${flags.to}: ${count(files.length, 'file')}, ${colours.bold(displayPath(resolve(output)))}`,
    );
  return EXIT.ok;
}

const TARGETS: Readonly<Record<WeightsKind, readonly Format[]>> = {
  adapters: LORA_FORMATS,
  embedding: ['diffusers', 'kohya'],
  model: ['diffusers', 'ldm'],
};

/** An option that would do nothing is a mistake somebody wants to hear of. */
function checkFlags(
  kind: WeightsKind,
  { to, token, pretrainedModel, predictionType }: ConvertFlags,
  name: string,
): void {
  if (!TARGETS[kind].includes(to)) {
    throw new ConfigError(`${kind === 'adapters' ? 'adapters have' : `a ${kind} has`} no such spelling`, {
      code: 'usage/no-such-format',
      where: name,
      expected: `--to ${TARGETS[kind].join(' or ')}`,
      got: to,
    });
  }
  const idle = [
    ...(token !== undefined && kind !== 'embedding' ? ['--token'] : []),
    ...(pretrainedModel !== undefined && kind !== 'adapters' ? ['--pretrained-model'] : []),
    ...(predictionType !== undefined && kind !== 'model' ? ['--prediction-type'] : []),
  ];
  if (idle.length > 0)
    throw new ConfigError(
      `${idle.join(', ')} says nothing about ${kind === 'adapters' ? 'adapters' : `a ${kind}`}`,
      { code: 'usage/flag-without-effect', where: name },
    );
}

/** Checks everything that can be checked, and returns what writes. */
type Work = (
  input: string,
  output: string,
  flags: ConvertFlags,
) => Promise<(path: string) => Promise<readonly string[]>>;

const adapterWork: Work = async (input, output, { to, dtype, pretrainedModel }) => {
  const model = await openModel(pretrainedModel ?? (await namedModel(input)), {
    // adapters are the same whatever the model predicts
    onWarning: () => undefined,
  }).catch((error: unknown) => {
    throw pretrainedModel === undefined ? withHint(error, NAMED_IN_FILE) : error;
  });
  const file = await openAdapters(input, adaptableLayers(model)).catch((error: unknown) => {
    const isOthers = error instanceof LikenessError && OTHER_MODEL.has(error.code);
    const hint = `they were looked for in ${model.source}: name their own model with --pretrained-model`;
    throw pretrainedModel === undefined && isOthers ? withHint(error, hint) : error;
  });
  return (path) =>
    convertAdapters(model, file, path, {
      format: to as LoraFormat, // TARGETS saw to it
      ...(dtype === undefined ? {} : { dtype }),
    });
};

/** The model that a file of adapters says it was trained on. */
async function namedModel(input: string): Promise<string> {
  const [file = input] = await adapterFilesAt(input);
  return pretrainedModelOf((await readSafetensorsHeader(file)).metadata) ?? BUNDLED_MODEL;
}

/** Errors that another model may mend. */
const OTHER_MODEL = new Set([
  'adapter/other-model',
  'adapter/does-not-fit',
  'adapter/unknown-keys',
  'adapter/unknown-order',
]);

const NAMED_IN_FILE = 'the adapters name this model: name another with --pretrained-model, where it is now';

/** The same error with another thing to do. */
function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof LikenessError)) return error;
  const { summary, code, where, expected, got, details } = error;
  return new WeightsError(summary, { code, where, expected, got, details, hint, cause: error });
}

const embeddingWork: Work = async (input, _output, { to, dtype, token }) => {
  const embedding = await readEmbedding(input, token === undefined ? {} : { word: token });
  return async (path) => {
    if (extname(path) !== '.safetensors')
      throw new ConfigError('an embedding is one file', {
        code: 'usage/output-kind',
        where: basename(path),
        expected: 'NAME.safetensors',
      });
    const format = to as EmbeddingFormat; // TARGETS saw to it
    await writeEmbedding(path, embedding, { format, ...(dtype === undefined ? {} : { dtype }) });
    return [path];
  };
};

const modelWork: Work = async (input, output, { to, dtype, predictionType }) => {
  const model = await openModel(input, { predictionType });
  if (to === 'diffusers' && output.endsWith('.safetensors'))
    throw new ConfigError('a diffusers model is a folder', { code: 'usage/output-kind', where: output });
  return async (path) => {
    const untouched = { save: () => Promise.reject(new Error('no weights change')) };
    const metadata = await likenessOf(input);
    return model.export(path, untouched, [], {
      format: to as 'diffusers' | 'ldm',
      dtype: dtype ?? 'asIs',
      metadata,
    });
  };
};

/** What a single file says about how it was made; a folder's says nothing that a single file could not infer. */
async function likenessOf(input: string): Promise<Readonly<Record<string, string>>> {
  const isFile = (await stat(input).catch(() => undefined))?.isFile() === true;
  if (!isFile) return { likeness: JSON.stringify({ pretrainedModel: input }) };
  const { format: _, ...metadata } = (await readSafetensorsHeader(input)).metadata;
  return metadata;
}
