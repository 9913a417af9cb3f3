// pipeline pretrain: makes a small text-to-image model from captioned pictures, one network after the other.
import { join } from 'node:path';
import {
  cacheKey,
  ConfigError,
  flagLayer,
  killEngines,
  optionsFromSchema,
  readRunRecord,
  type ConfigLayer,
  type OptionDescription,
} from '@likeness/core';
import {
  exportPretrained,
  loadPretrainConfig,
  NETWORKS,
  pretrain,
  pretrainSchema,
  resolvePretrainConfig,
  SETTINGS_OF,
  startModel,
  textEncoderSchema,
  trainingOf,
  unetSchema,
  vaeSchema,
  type NetworkName,
  type PretrainConfig,
} from '@likeness/plugin-pretrain';
import { Command } from 'commander';
import { doodlePretraining, modelSource } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { createReporter } from '../progress/reporters.ts';
import { followRun } from '../run/followRun.ts';
import { RUNS_ROOT } from '../run/findRun.ts';
import { commanderOptions, saidFlags } from '../run/runFlags.ts';
import { displayPath, shellQuote } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { addReportFlags, reportStyle, type ReportFlags } from './reporting.ts';
import { tellInterrupted, type SetExitCode } from './run.ts';

const EXAMPLES = `
CONFIG is a .ts, .js, .yaml or .json file, or doodle: the settings of the model that comes along (docs/pretraining.md).

Examples:
  pipeline pretrain all config.yaml --output-dir runs/mine
  pipeline pretrain vae config.yaml --max-minutes 30
  pipeline pretrain unet config.yaml --model runs/mine/text-encoder/export --max-train-steps 5000
  pipeline pretrain doodle --data drawings/`;

const SCHEMAS = { vae: vaeSchema, 'text-encoder': textEncoderSchema, unet: unetSchema } as const;
const DESCRIPTIONS: Readonly<Record<NetworkName, string>> = {
  vae: 'the autoencoder between pictures and latents',
  'text-encoder': 'the text encoder, on captions (and pictures)',
  unet: 'the noise predictor, on latents and text states',
};
/** Flags of `all` that hold for each network. */
const OF_EACH: readonly string[] = ['maxTrainSteps', 'maxMinutes'];

export const isPretraining = (recipe: string): boolean => recipe.startsWith('pretrain-');

/** `pretrain vae|text-encoder|unet CONFIG`, `pretrain all CONFIG`, `pretrain doodle`. */
export function pretrainCommand(terminal: Terminal, exit: SetExitCode): Command {
  const command = new Command('pretrain')
    .description('make a small text-to-image model from captioned pictures')
    .addHelpText('after', EXAMPLES);
  for (const network of NETWORKS) {
    const flags = [...sharedFlags(), ...networkFlags(network)];
    const one = new Command(network).description(`train ${DESCRIPTIONS[network]}`).argument('<config>');
    command.addCommand(
      withFlags(one, flags).action(async (file: string, opts: Opts) => {
        const config = resolvePretrainConfig(await layersOf(file, opts, flags));
        exit(await trainOne(network, config, opts, terminal));
      }),
    );
  }
  const flags = [...sharedFlags(), ...flagsOfEach()];
  const all = new Command('all').description('train all three, each on those before it').argument('<config>');
  command.addCommand(
    withFlags(all, flags).action(async (file: string, opts: Opts) => {
      exit(await trainAll(`all ${shellQuote(file)}`, await layersOf(file, opts, flags), opts, terminal));
    }),
  );
  const doodle = new Command('doodle').description('make the model that comes along again');
  command.addCommand(
    withFlags(doodle, flags).action(async (opts: Opts) => {
      exit(await trainAll('doodle', await layersOf('doodle', opts, flags), opts, terminal));
    }),
  );
  return command;
}

type Opts = ReportFlags & Record<string, unknown>;

function sharedFlags(): OptionDescription[] {
  const networks: readonly string[] = Object.values(SETTINGS_OF);
  return optionsFromSchema(pretrainSchema, 'core').filter(({ name }) => !networks.includes(name));
}

/** The network's settings: flags by their names, values below the network's key. */
function networkFlags(network: NetworkName): OptionDescription[] {
  return optionsFromSchema(SCHEMAS[network], 'core').map((option) => ({
    ...option,
    owner: network,
    path: [SETTINGS_OF[network], option.name],
  }));
}

function flagsOfEach(): OptionDescription[] {
  return optionsFromSchema(unetSchema, 'core')
    .filter(({ name }) => OF_EACH.includes(name))
    .map((option) => ({ ...option, owner: 'each network' }));
}

function withFlags(command: Command, flags: readonly OptionDescription[]): Command {
  for (const flag of flags) for (const option of commanderOptions(flag)) command.addOption(option);
  return addReportFlags(command);
}

/** File, then flags; paths in flags are relative to where the command runs. */
async function layersOf(
  file: string,
  opts: Opts,
  flags: readonly OptionDescription[],
): Promise<ConfigLayer[]> {
  const said = flagLayer(saidFlags(opts, flags), flags);
  const { maxTrainSteps, maxMinutes, ...rest } = said.values as Record<string, unknown>;
  const each = {
    ...(maxTrainSteps === undefined ? {} : { maxTrainSteps }),
    ...(maxMinutes === undefined ? {} : { maxMinutes }),
  };
  // `all` says them once for every network.
  const spread =
    Object.keys(each).length === 0
      ? {}
      : Object.fromEntries(Object.values(SETTINGS_OF).map((key) => [key, each]));
  const path = file === 'doodle' ? doodlePretraining : file;
  return [await loadPretrainConfig(path), { name: said.name, values: { ...rest, ...spread } }];
}

/** Trains all networks, each in a folder of its own; what is finished is left as it is, what is begun goes on. */
async function trainAll(
  what: string,
  layers: readonly ConfigLayer[],
  flags: ReportFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const config = resolvePretrainConfig(layers);
  // Told before the first of them starts.
  for (const network of NETWORKS) trainingOf(config, network);
  const { outputDir: _out, cacheDir: _cache, resume: _resume, ...settings } = config;
  const root = config.outputDir ?? join(RUNS_ROOT, `pretrain-${cacheKey(settings).slice(0, 8)}`);
  let { model } = config;
  for (const network of NETWORKS) {
    const outputDir = join(root, network);
    const own = { ...config, model, outputDir, resume: 'latest' };
    const again = `npx pipeline pretrain ${what} --output-dir ${shellQuote(displayPath(root))}`;
    const code = await trainOne(network, own, flags, terminal, () => again);
    if (code !== EXIT.ok) return code;
    model = join(outputDir, 'export');
  }
  return EXIT.ok;
}

async function trainOne(
  network: NetworkName,
  config: PretrainConfig,
  flags: ReportFlags,
  terminal: Terminal,
  resumeCommand?: (folder: string) => string,
): Promise<ExitCode> {
  trainingOf(config, network);
  const model = await startModel(config, modelSource);
  const style = reportStyle(flags, terminal);
  const stop = new AbortController();
  const run = pretrain({
    network,
    config,
    model,
    runsRoot: RUNS_ROOT,
    signal: stop.signal,
    ...(resumeCommand === undefined ? {} : { resumeCommand }),
  });
  const last = await followRun(run, { reporter: createReporter(style, terminal), stop, kill: killEngines });
  const tells = style === 'live' || style === 'plain';
  if (last?.type === 'run-interrupted') {
    if (tells) tellInterrupted(last, terminal);
    return EXIT.interrupted;
  }
  if (last !== undefined && tells) {
    terminal.out('');
    if (last.sheet !== undefined) terminal.out(`sheet    ${displayPath(last.sheet)}`);
    terminal.out(`export   ${displayPath(last.export)}`);
    const prompt = config.samplePrompts?.[0] ?? 'a dog';
    const next = `npx pipeline generate ${shellQuote(displayPath(last.folder))} --prompt ${shellQuote(prompt)}`;
    if (network === 'unet') terminal.out(`next     ${colours.bold(next)}`);
  }
  return EXIT.ok;
}

/** Goes on with a run of one network, from what its folder says. */
export async function resumePretraining(
  folder: string,
  flags: ReportFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { network, config } = await recordedPretraining(folder, { outputDir: folder, resume: 'latest' });
  return trainOne(network, config, flags, terminal);
}

/** Exports a checkpoint of such a run. @returns the files written */
export async function exportPretraining(
  folder: string,
  checkpoint: string,
  output: string,
  { exportDtype, exportFormat }: { readonly exportDtype?: string; readonly exportFormat?: string },
): Promise<string[]> {
  const { network, config } = await recordedPretraining(folder, {
    ...(exportDtype === undefined ? {} : { exportDtype }),
    ...(exportFormat === undefined ? {} : { exportFormat }),
  });
  const model = await startModel(config, modelSource);
  return exportPretrained({ network, config, model, run: folder, checkpoint, output });
}

/** What the folder of a run says, with settings over it. */
async function recordedPretraining(
  folder: string,
  over: Readonly<Record<string, unknown>>,
): Promise<{ network: NetworkName; config: PretrainConfig }> {
  const recorded = (await readRunRecord(folder)).config as unknown as Readonly<Record<string, unknown>>;
  const network = NETWORKS.find((name) => recorded['recipe'] === `pretrain-${name}`);
  if (network === undefined)
    throw new ConfigError('no such pretraining', { where: folder, got: String(recorded['recipe']) });
  const known = Object.entries(recorded).filter(([key]) => key in pretrainSchema.shape);
  const values = { ...Object.fromEntries(known), ...over };
  return { network, config: resolvePretrainConfig([{ name: join(folder, 'config.json'), values }]) };
}
