// pipeline pretrain: makes a small text-to-image model from captioned pictures, one network after the other.
import { join } from 'node:path';
import {
  cacheKey,
  flagLayer,
  optionsFromSchema,
  type ConfigLayer,
  type OptionDescription,
  shellQuote,
} from '@likeness/core';
import {
  classifierSchema,
  ENCODERS,
  imageEncoderSchema,
  imageTextSchema,
  loadPretrainConfig,
  NETWORKS,
  pretrainSchema,
  resolvePretrainConfig,
  SETTINGS_OF,
  textEncoderSchema,
  trainingOf,
  unetSchema,
  vaeSchema,
  type NetworkName,
} from '@likeness/plugin-pretrain';
import { Command } from 'commander';
import { doodleFurther, doodleJudging, doodlePretraining } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { RUNS_ROOT } from '../run/findRun.ts';
import { trainOne } from '../run/pretraining.ts';
import { commanderOptions, saidFlags } from '../run/runFlags.ts';
import { displayPath } from '../terminal/format.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addReportFlags, type ReportFlags } from './reporting.ts';
import type { SetExitCode } from './run.ts';
import { validateCommand } from './validate.ts';

const EXAMPLES = `
CONFIG is a .ts, .js, .yaml or .json file, or doodle, doodle-further or doodle-judges: the settings of the model that
comes along, of training it further and of its judges (docs/pretraining.md).

Examples:
  pipeline pretrain all config.yaml --output-dir runs/mine
  pipeline pretrain vae config.yaml --max-minutes 30
  pipeline pretrain unet config.yaml --model runs/mine/text-encoder/export --max-train-steps 5000
  pipeline pretrain doodle --data drawings/
  pipeline pretrain doodle-further --data drawings/ --max-minutes 60
  pipeline pretrain image-encoder config.yaml --max-minutes 20
  pipeline pretrain doodle-judges --data drawings/`;

const SCHEMAS = {
  vae: vaeSchema,
  'text-encoder': textEncoderSchema,
  unet: unetSchema,
  'image-encoder': imageEncoderSchema,
  'image-text': imageTextSchema,
  classifier: classifierSchema,
} as const;
const DESCRIPTIONS: Readonly<Record<NetworkName, string>> = {
  vae: 'the autoencoder between pictures and latents',
  'text-encoder': 'the text encoder, on captions (and pictures)',
  unet: 'the noise predictor, on latents and text states',
  'image-encoder': 'an encoder of pictures that tells individuals apart',
  'image-text': 'an encoder of pictures and captions, as CLIP is',
  classifier: 'a classifier of what pictures show',
};
/** Flags of `all` that hold for each network. */
const OF_EACH: readonly string[] = ['maxTrainSteps', 'maxMinutes'];

/** `pretrain vae|text-encoder|unet CONFIG`, `pretrain all CONFIG`, `pretrain doodle`. */
export function pretrainCommand(terminal: Terminal, exit: SetExitCode): Command {
  const command = new Command('pretrain')
    .description('make a small text-to-image model from captioned pictures')
    .addHelpText('after', EXAMPLES);
  for (const network of [...NETWORKS, ...ENCODERS]) {
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
  const several = (name: string, about: string, networks: readonly NetworkName[]): void => {
    const one = new Command(name).description(about).argument('<config>');
    command.addCommand(
      withFlags(one, flags).action(async (file: string, opts: Opts) => {
        const what = `${name} ${shellQuote(file)}`;
        exit(await trainSeveral(networks, what, await layersOf(file, opts, flags), opts, terminal));
      }),
    );
  };
  const ours = (name: string, about: string, networks: readonly NetworkName[]): void => {
    const one = new Command(name).description(about);
    command.addCommand(
      withFlags(one, flags).action(async (opts: Opts) => {
        exit(await trainSeveral(networks, name, await layersOf(name, opts, flags), opts, terminal));
      }),
    );
  };
  several('all', 'train a text-to-image model: autoencoder, text encoder and noise predictor', NETWORKS);
  several('judges', 'train both encoders and the classifier', ENCODERS);
  ours('doodle', 'make the model that comes along again', NETWORKS);
  ours('doodle-further', 'train the model that comes along further', ['unet']);
  ours('doodle-judges', 'make its judges again', ENCODERS);
  command.addCommand(validateCommand(terminal, exit));
  return command;
}

/** Recipes that come along, by their names. */
const RECIPES: Readonly<Record<string, string>> = {
  doodle: doodlePretraining,
  'doodle-further': doodleFurther,
  'doodle-judges': doodleJudging,
};

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
  return [
    await loadPretrainConfig(RECIPES[file] ?? file),
    { name: said.name, values: { ...rest, ...spread } },
  ];
}

/**
 * Trains networks, each in a folder of its own; what is finished is left as it is, what is begun goes on. Those of a
 * model stand on those before them.
 */
async function trainSeveral(
  networks: readonly NetworkName[],
  what: string,
  layers: readonly ConfigLayer[],
  flags: ReportFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const config = resolvePretrainConfig(layers);
  // Told before the first of them starts.
  for (const network of networks) trainingOf(config, network);
  const { outputDir: _out, cacheDir: _cache, resume: _resume, ...settings } = config;
  const root = config.outputDir ?? join(RUNS_ROOT, `pretrain-${cacheKey(settings).slice(0, 8)}`);
  let own = config;
  for (const network of networks) {
    const outputDir = join(root, network);
    own = { ...own, outputDir, resume: 'latest' };
    const again = `npx pipeline pretrain ${what} --output-dir ${shellQuote(displayPath(root))}`;
    const code = await trainOne(network, own, flags, terminal, () => again);
    if (code !== EXIT.ok) return code;
    if (networks === NETWORKS) own = { ...own, model: join(outputDir, 'export') };
  }
  return EXIT.ok;
}
