// pipeline generate: pictures from a run, an exported model, or any other one.
import { mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  ConfigError,
  DataError,
  didYouMean,
  formatParameters,
  generatePictures,
  killEngines,
  readRun,
  writePng,
  writeSheet,
  type DiffusionModel,
  type PngText,
  type RgbImage,
  type SamplerSettings,
} from '@likeness/core';
import { Command, Option } from 'commander';
import { openModel } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { requireRun, runFolderOf } from '../run/findRun.ts';
import { onInterrupt } from '../run/followRun.ts';
import { promptTexts } from '../run/promptFile.ts';
import { count, displayPath } from '../terminal/format.ts';
import { nonNegative, positiveInteger, wholeNumber } from '../terminal/numbers.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
Picture i of a prompt is made from seed + i; each depends on its prompt and seed alone.

Examples:
  pipeline generate runs/20250131-142501-dreambooth+ppl-1a2b3c4d --prompt "a photo of sks robot on the beach"
  pipeline generate latest --prompt "a photo of sks robot in space" --prompt "a photo of a robot" --num 8
  pipeline prompts | pipeline generate latest --prompt-file - --num 2
  pipeline generate doodle --prompt "a photo of a cat in the snow" --seed 7 --sampler euler-ancestral
  pipeline generate my-model/ --prompt "a photo of sks dog" --rng torch --output-dir pictures`;

interface GenerateFlags {
  readonly prompt?: readonly string[];
  readonly promptFile?: string;
  readonly num: number;
  readonly seed: number;
  readonly sampler?: string;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly negativePrompt?: string;
  readonly resolution?: number;
  readonly batchSize: number;
  readonly rng: 'philox' | 'torch';
  readonly mode: 'auto' | 'xla' | 'graph' | 'eager';
  readonly threads?: number;
  readonly outputDir?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function generateCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('generate')
    .description('make pictures with a run or a model')
    .argument('<model>', 'run folder, `latest`, model folder, .safetensors file, Hub id, or doodle')
    .addOption(
      new Option('--prompt <text>', 'what to show; several: say it again').argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option('--prompt-file <file>', 'prompts from a file, one a line; - for stdin')
    .option('--num <n>', 'pictures of each prompt', positiveInteger, 4)
    .option('--seed <n>', 'seed of the first picture', wholeNumber, 0)
    .option('--sampler <name>', "sampler; default: the run's, or the model's")
    .option('--steps <n>', 'steps of the sampler', positiveInteger)
    .option('--guidance-scale <x>', 'how strongly pictures follow their prompt', nonNegative)
    .option('--negative-prompt <text>', 'what not to show')
    .option('--resolution <n>', "side of the pictures in pixels; default: the model's", positiveInteger)
    .option(
      '--output-dir <dir>',
      'where the pictures go; default: generated/ in the run, or in the current folder',
    )
    .optionsGroup('Speed and memory:')
    .option('--batch-size <n>', 'pictures computed together', positiveInteger, 4)
    .addOption(
      new Option('--rng <name>', "first latents: ours, or torch's CPU generator")
        .choices(['philox', 'torch'])
        .default('philox'),
    )
    .addOption(
      new Option('--mode <mode>', 'how the networks run')
        .choices(['auto', 'xla', 'graph', 'eager'])
        .default('auto'),
    )
    .option('--threads <n>', 'threads to compute with', positiveInteger)
    .optionsGroup('Output:')
    .option('--json', 'one picture a line on stdout and nothing else')
    .option('--quiet', 'only the path of the sheet')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: GenerateFlags) => {
      exit(await generate(name, flags, terminal));
    });
}

async function generate(name: string, flags: GenerateFlags, terminal: Terminal): Promise<ExitCode> {
  const texts = await promptTexts(flags);
  const source = await findSource(name);
  const model = await openModel(source.model);
  const settings = {
    sampler: flags.sampler ?? source.sampler ?? model.recommended.sampler ?? model.samplers[0] ?? '',
    numInferenceSteps: flags.steps ?? source.numInferenceSteps ?? model.recommended.numInferenceSteps ?? 25,
    guidanceScale: flags.guidanceScale ?? source.guidanceScale ?? model.recommended.guidanceScale ?? 7.5,
    ...(flags.negativePrompt === undefined ? {} : { negativePrompt: flags.negativePrompt }),
    rng: flags.rng,
  };
  checkRequest(model, settings.sampler, flags.resolution);
  const outputDir = resolve(flags.outputDir ?? source.outputDir);
  await mkdir(outputDir, { recursive: true });
  const prompts = texts.flatMap((prompt) =>
    Array.from({ length: flags.num }, (_, i) => ({ prompt, seed: flags.seed + i })),
  );
  const tells = !flags.json && !flags.quiet;
  const line = progressLine(terminal, tells);
  const stop = new AbortController();
  const forget = onInterrupt(
    () => {
      stop.abort();
    },
    () => {
      killEngines();
      process.exit(EXIT.interrupted);
    },
  );
  const made: { prompt: string; image: RgbImage }[] = [];
  try {
    line.show('loading', 0, 0);
    const pictures = generatePictures({
      ...settings,
      model,
      prompts,
      batchSize: flags.batchSize,
      mode: flags.mode,
      signal: stop.signal,
      ...(flags.resolution === undefined ? {} : { resolution: flags.resolution }),
      ...(flags.threads === undefined ? {} : { threads: flags.threads }),
      onInstallProgress: ({ message, fraction = 0 }) => {
        line.show(message, fraction, 1);
      },
      onProgress: (done, total) => {
        line.show('sampling', done, total);
      },
    });
    for await (const { index, prompt, seed, image } of pictures) {
      const path = join(outputDir, `${String(index).padStart(3, '0')}-${slug(prompt)}-seed${seed}.png`);
      await writePng(path, image, textOf(model, { prompt, seed, image, ...settings }));
      made.push({ prompt, image });
      if (flags.json) terminal.out(JSON.stringify({ index, prompt, seed, path }));
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    forget();
    line.end();
  }
  if (made.length > 0) {
    const sheet = join(outputDir, 'sheet.png');
    const rows = [...new Set(texts)].map((prompt) => ({
      label: prompt,
      pictures: made.filter((picture) => picture.prompt === prompt).map(({ image }) => image),
    }));
    await writeSheet(sheet, rows, {
      title: `${basename(name)}, ${settings.sampler} ${settings.numInferenceSteps} steps, guidance ${settings.guidanceScale}`,
    });
    if (flags.quiet) terminal.out(displayPath(sheet));
    if (tells) {
      terminal.out(`${count(made.length, 'picture')} in ${displayPath(outputDir)}`);
      terminal.out(`sheet    ${colours.bold(displayPath(sheet))}`);
    }
  }
  return stop.signal.aborted ? EXIT.interrupted : EXIT.ok;
}

interface Source {
  /** What `openModel` takes. */
  readonly model: string;
  readonly outputDir: string;
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
}

/** A run by its folder stands for what it exported, sampled as its own samples were. */
async function findSource(name: string): Promise<Source> {
  const folder = await runFolderOf(name, ({ state }) => state === 'finished');
  if (folder === undefined && name === 'latest') await requireRun(name, () => false);
  if (folder === undefined) return { model: name, outputDir: 'generated' };
  const run = await readRun(folder);
  const exported = join(folder, 'export');
  if (!(await stat(exported).catch(() => undefined))) {
    throw new DataError('this run has exported nothing yet', {
      where: folder,
      got: `${run.state} at step ${run.step} of ${run.maxTrainSteps}`,
      cure: `pipeline resume ${displayPath(folder)}, or pipeline export ${displayPath(folder)} for a checkpoint as it is`,
    });
  }
  const { sampler, numInferenceSteps, guidanceScale } = run.record.config;
  return {
    model: exported,
    outputDir: join(folder, 'generated'),
    sampler,
    numInferenceSteps,
    guidanceScale,
  };
}

function checkRequest(model: DiffusionModel, sampler: string, resolution: number | undefined): void {
  if (!model.samplers.includes(sampler)) {
    throw new ConfigError('no such sampler', {
      where: '--sampler',
      expected: `one of ${model.samplers.join(', ')}`,
      got: `${sampler}${didYouMean(sampler, model.samplers)}`,
    });
  }
  const factor = model.latentCodec.downsampleFactor;
  if (resolution !== undefined && resolution % factor !== 0) {
    throw new ConfigError('pictures of this size do not fit the model', {
      where: '--resolution',
      expected: `a multiple of ${factor}`,
      got: String(resolution),
    });
  }
}

interface Made extends SamplerSettings {
  readonly prompt: string;
  readonly seed: number;
  readonly image: RgbImage;
}

/** What made a picture, for other tools (`parameters`) and for ourselves (`likeness`). */
function textOf(
  model: DiffusionModel,
  { image: { width, height }, numInferenceSteps, rng, ...made }: Made,
): PngText {
  const name = basename(model.source);
  return {
    parameters: formatParameters({ ...made, steps: numInferenceSteps, width, height, model: name }),
    likeness: JSON.stringify({
      ...made,
      numInferenceSteps,
      rng,
      width,
      height,
      model: name,
      fingerprint: model.fingerprint,
    }),
  };
}

function slug(prompt: string): string {
  const words = prompt
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return words.slice(0, 48).replace(/-$/, '') || 'picture';
}
