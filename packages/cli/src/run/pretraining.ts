// Runs of pretraining as the command has them: trained, gone on with, exported.
import { join } from 'node:path';
import { ConfigError, readRunRecord, shellQuote } from '@likeness/core';
import {
  ENCODERS,
  exportPretrained,
  NETWORKS,
  openTraining,
  pretrain,
  pretrainSchema,
  resolvePretrainConfig,
  type NetworkName,
  type PretrainConfig,
} from '@likeness/plugin-pretrain';
import { encoderSource, modelSource } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { createReporter } from '../progress/reporters.ts';
import { displayPath } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { reportStyle, type ReportFlags } from '../commands/reporting.ts';
import { tellInterrupted } from '../commands/run.ts';
import { RUNS_ROOT } from './findRun.ts';
import { followRun } from './followRun.ts';

const SOURCES = { models: modelSource, encoders: encoderSource };

export const isPretraining = (recipe: string): boolean => recipe.startsWith('pretrain-');

export async function trainOne(
  network: NetworkName,
  config: PretrainConfig,
  flags: ReportFlags,
  terminal: Terminal,
  resumeCommand?: (folder: string) => string,
): Promise<ExitCode> {
  const training = await openTraining(network, config, SOURCES);
  const style = reportStyle(flags, terminal);
  const last = await followRun(
    (signal) =>
      pretrain({
        ...training,
        config,
        runsRoot: RUNS_ROOT,
        signal,
        ...(resumeCommand === undefined ? {} : { resumeCommand }),
      }),
    createReporter(style, terminal),
  );
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
  const training = await openTraining(network, config, SOURCES);
  return exportPretrained({ ...training, config, run: folder, checkpoint, output });
}

/** What the folder of a run says, with settings over it. */
async function recordedPretraining(
  folder: string,
  over: Readonly<Record<string, unknown>>,
): Promise<{ network: NetworkName; config: PretrainConfig }> {
  const recorded = (await readRunRecord(folder)).config as unknown as Readonly<Record<string, unknown>>;
  const network = [...NETWORKS, ...ENCODERS].find((name) => recorded['recipe'] === `pretrain-${name}`);
  if (network === undefined)
    throw new ConfigError('no such pretraining', {
      code: 'run/unknown-kind',
      where: folder,
      got: String(recorded['recipe']),
    });
  const known = Object.entries(recorded).filter(([key]) => key in pretrainSchema.shape);
  const values = { ...Object.fromEntries(known), ...over };
  return { network, config: resolvePretrainConfig([{ name: join(folder, 'config.json'), values }]) };
}
