// pipeline inspect: what a weights file, a model folder, a run or a picture holds.
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError, openCheckpoints, readPngText, readRun, readSafetensorsHeader } from '@likeness/core';
import type { SafetensorsFile } from '@likeness/engine';
import { Command } from 'commander';
import { openModel, BUNDLED_MODEL } from '../composition.ts';
import { runFolderOf } from '../run/findRun.ts';
import { displayPath, formatBytes, formatLoss, truncate } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline inspect model.safetensors                     every tensor of a file
  pipeline inspect my-model/                             a model folder
  pipeline inspect latest                                a run
  pipeline inspect picture.png                           what a picture was made from`;

const SHOWN_TENSORS = 40;

interface InspectFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

export function inspectCommand(terminal: Terminal): Command {
  return new Command('inspect')
    .description('show what a weights file, model folder, run or picture holds')
    .argument('<path>', 'file, folder, `latest`, or doodle')
    .option('--all', `every tensor, not the first ${SHOWN_TENSORS}`)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, flags: InspectFlags) => {
      const text = await inspect(path, flags);
      terminal.out(text);
    });
}

async function inspect(path: string, flags: InspectFlags): Promise<string> {
  const run = await runFolderOf(path);
  if (run !== undefined) return inspectRun(run, flags);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() || path === BUNDLED_MODEL) return inspectModel(path, flags);
  if (stats === undefined)
    throw new DataError('nothing there', { code: 'file/missing', where: path, expected: 'a file or folder' });
  if (path.endsWith('.png')) return inspectPicture(path, flags);
  return inspectWeights(await readSafetensorsHeader(path), flags);
}

function inspectWeights({ path, metadata, tensors }: SafetensorsFile, { all, json }: InspectFlags): string {
  const entries = [...tensors.values()].map(({ name, dtype, shape, byteLength }) => ({
    name,
    dtype,
    shape,
    byteLength,
  }));
  if (json) return JSON.stringify({ path, metadata, tensors: entries });
  const shown = all ? entries : entries.slice(0, SHOWN_TENSORS);
  const rows = shown.map(({ name, dtype, shape, byteLength }) => [
    name,
    dtype,
    shape.join(' × '),
    formatBytes(byteLength),
  ]);
  const bytes = entries.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const numbers = entries.reduce((sum, { shape }) => sum + elements(shape), 0);
  const dtypes = [...new Set(entries.map(({ dtype }) => dtype))].join(', ');
  return [
    table(
      [{ title: 'tensor' }, { title: 'type' }, { title: 'shape' }, { title: 'size', align: 'right' }],
      rows,
      dimHead,
    ),
    ...(shown.length < entries.length
      ? [colours.dim(`… and ${entries.length - shown.length} more (--all)`)]
      : []),
    '',
    `${entries.length} tensors, ${numbers.toLocaleString('en')} numbers in ${dtypes || 'no type'}, ${formatBytes(bytes)}`,
    ...Object.entries(metadata).map(
      ([key, value]) => `${colours.dim(key)}  ${truncate(value, all ? Number.MAX_SAFE_INTEGER : 160)}`,
    ),
  ].join('\n');
}

async function inspectModel(path: string, { json }: InspectFlags): Promise<string> {
  const model = await openModel(path);
  const { noisePredictor, latentCodec, textEncoder, noiseSchedule } = model;
  const components = [textEncoder, noisePredictor, latentCodec].map(({ name, tensors }) => {
    const entries = [...tensors.values()];
    return {
      name,
      tensors: entries.length,
      parameters: entries.reduce((sum, { shape }) => sum + elements(shape), 0),
      bytes: entries.reduce((sum, { byteLength }) => sum + byteLength, 0),
      dtypes: [...new Set(entries.map(({ dtype }) => dtype))],
    };
  });
  const facts = {
    source: model.source,
    fingerprint: model.fingerprint,
    resolution: model.resolution,
    latents: `${latentCodec.downsampleFactor}× smaller, ${noisePredictor.latentChannels} channels, scaled by ${latentCodec.scalingFactor}`,
    text: `${textEncoder.maxLength} tokens of width ${textEncoder.hiddenSize}`,
    predicts: noiseSchedule.predictionType,
    timesteps: noiseSchedule.numTrainTimesteps,
    samplers: model.samplers.join(', '),
    recommended: model.recommended,
  };
  if (json) return JSON.stringify({ ...facts, components });
  return [
    table(
      [
        { title: 'component' },
        { title: 'tensors', align: 'right' },
        { title: 'parameters', align: 'right' },
        { title: 'size', align: 'right' },
        { title: 'type' },
      ],
      components.map(({ name, tensors, parameters, bytes, dtypes }) => [
        name,
        String(tensors),
        parameters.toLocaleString('en'),
        formatBytes(bytes),
        dtypes.join(', '),
      ]),
      dimHead,
    ),
    '',
    ...facing(facts),
  ].join('\n');
}

async function inspectRun(folder: string, { json }: InspectFlags): Promise<string> {
  const { record, ...summary } = await readRun(folder);
  const checkpoints = await openCheckpoints(folder).list();
  if (json) return JSON.stringify({ ...summary, checkpoints, config: record.config, facts: record.facts });
  const exported = join(folder, 'export');
  const hasExport = await stat(exported).then(
    () => true,
    () => false,
  );
  return facing({
    run: displayPath(folder),
    recipe: summary.recipe,
    prompt: summary.instancePrompt,
    model: record.config.pretrainedModel,
    state: `${summary.state}, step ${summary.step} of ${summary.maxTrainSteps}`,
    ...(summary.loss === undefined ? {} : { 'last loss': formatLoss(summary.loss) }),
    ...(summary.startedAt === undefined ? {} : { started: summary.startedAt }),
    checkpoints:
      checkpoints.map(({ step, bytes }) => `step ${step} (${formatBytes(bytes)})`).join(', ') || 'none',
    export: hasExport ? displayPath(exported) : 'none yet',
    'made by': `Likeness ${record.likeness}`,
  }).join('\n');
}

async function inspectPicture(path: string, { json }: InspectFlags): Promise<string> {
  const texts = await readPngText(path);
  if (json) return JSON.stringify(texts);
  const lines = Object.entries(texts).map(([key, value]) => `${colours.dim(key)}\n${value}`);
  return lines.length > 0 ? lines.join('\n\n') : `${basename(path)} says nothing about how it was made`;
}

function facing(facts: Readonly<Record<string, unknown>>): string[] {
  const width = Math.max(...Object.keys(facts).map((key) => key.length));
  return Object.entries(facts).map(
    ([key, value]) =>
      `${colours.dim(key.padEnd(width))}  ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function dimHead(text: string, _column: number, isHead: boolean): string {
  return isHead ? colours.dim(text) : text;
}
