// pipeline generate: pictures from a run, an exported model, or any other one.
import { basename, join, resolve } from 'node:path';
import {
  ConfigError,
  didYouMean,
  encodePng,
  openGenerator,
  renderSheet,
  type DiffusionModel,
  type Generator,
  type RgbImage,
} from '@likeness/core';
import { Command, Option } from 'commander';
import { openModel } from '../composition.ts';
import { predictionTypeOption, type ModelFlags } from '../run/modelOptions.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { attachAll, attachmentsOf } from '../generate/attachments.ts';
import { keepFile, requireWritable } from '../generate/keepPicture.ts';
import { pictureText } from '../generate/pictureText.ts';
import { findSource } from '../generate/source.ts';
import { warningLine } from '../progress/reporters.ts';
import { promptTexts } from '../run/promptFile.ts';
import { count, displayPath } from '../terminal/format.ts';
import { nonNegative, numbers, positiveInteger, wholeNumber } from '../terminal/numbers.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
Picture i of a prompt is made from seed + i; each depends on its prompt and seed alone. Pictures that are there already
stay: one of the same name but other settings gets a number.

Examples:
  pipeline generate runs/20250131-142501-dreambooth+ppl-1a2b3c4d --prompt "a photo of sks robot on the beach"
  pipeline generate latest --prompt "a photo of sks robot in space" --prompt "a photo of a robot" --num 8
  pipeline prompts | pipeline generate latest --prompt-file - --num 2
  pipeline generate doodle --prompt "a photo of a cat in the snow" --seed 7 --sampler euler-ancestral
  pipeline generate my-model/ --prompt "a photo of sks dog" --rng torch --output-dir pictures
  pipeline generate doodle --lora robot.safetensors:0.8 --embedding cat.safetensors --prompt "sks robot and <cat>"
  pipeline generate latest --prompt "a photo of sks robot" --strength 0,0.5,1,1.5     how much the adapters count
  pipeline generate doodle --prompt "a (red:1.4) cat" --prompt-weighting`;

const repeated = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

interface GenerateFlags extends ModelFlags {
  readonly prompt?: readonly string[];
  readonly promptFile?: string;
  readonly num: number;
  readonly seed: number;
  readonly sampler?: string;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly negativePrompt?: string;
  readonly resolution?: number;
  readonly lora?: readonly string[];
  readonly embedding?: readonly string[];
  readonly strength: readonly number[];
  readonly promptWeighting?: boolean;
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
    .addOption(new Option('--prompt <text>', 'what to show; several: say it again').argParser(repeated))
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
    .optionsGroup('Adapters and words:')
    .addOption(
      new Option(
        '--lora <file[:weight]>',
        'adapters in any spelling, or the folder of a run; several: say it again',
      ).argParser(repeated),
    )
    .addOption(
      new Option('--embedding <file[=word]>', 'learned vectors; several: say it again').argParser(repeated),
    )
    .option(
      '--strength <list>',
      'times which all adapters count; 0,0.5,1 makes the pictures at each',
      numbers,
      [1],
    )
    .option('--prompt-weighting', 'read (word:1.2), (word) and [word] in prompts as weights, as A1111 does')
    .addOption(predictionTypeOption())
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
  const attachments = await attachmentsOf(source.exported, flags.lora ?? [], flags.embedding ?? []);
  const model = await openModel(source.model, {
    predictionType: flags.predictionType ?? source.predictionType,
  });
  const settings = {
    sampler: flags.sampler ?? source.sampler ?? model.recommended.sampler ?? model.samplers[0] ?? '',
    numInferenceSteps: flags.steps ?? source.numInferenceSteps ?? model.recommended.numInferenceSteps ?? 25,
    guidanceScale: flags.guidanceScale ?? source.guidanceScale ?? model.recommended.guidanceScale ?? 7.5,
    ...(flags.negativePrompt === undefined ? {} : { negativePrompt: flags.negativePrompt }),
    rng: flags.rng,
    ...(flags.promptWeighting ? { promptWeighting: true } : {}),
  };
  checkRequest(model, settings.sampler, flags.resolution);
  const outputDir = resolve(flags.outputDir ?? source.outputDir);
  await requireWritable(outputDir);
  const prompts = texts.flatMap((prompt) =>
    Array.from({ length: flags.num }, (_, i) => ({ prompt, seed: flags.seed + i })),
  );
  const line = progressLine(terminal, !flags.json && !flags.quiet);
  const stop = stopOnSignals({ nothingToLose: true });
  const made: Drawn[] = [];
  let generator: Generator | undefined;
  try {
    line.show('loading', 0, 0);
    generator = await openGenerator({
      model,
      batchSize: flags.batchSize,
      mode: flags.mode,
      ...(flags.resolution === undefined ? {} : { resolution: flags.resolution }),
      ...(flags.threads === undefined ? {} : { threads: flags.threads }),
      onInstallProgress: ({ message, fraction = 0 }) => {
        line.show(message, fraction, 1);
      },
    });
    const { strength: strengths } = flags;
    const told = new Set<string>();
    for (const [round, strength] of strengths.entries()) {
      const { initialValues, detach } = await attachAll(model, attachments, strength);
      try {
        const pictures = generator.generate({
          ...settings,
          prompts,
          initialValues,
          signal: stop.signal,
          onWarning: (warning) => {
            if (told.has(warning.text)) return;
            told.add(warning.text);
            line.end();
            terminal.err(warningLine(warning));
          },
          onProgress: (done, total) => {
            line.show('sampling', round * total + done, strengths.length * total);
          },
        });
        for await (const { index, prompt, seed, image } of pictures) {
          const number = String(round * prompts.length + index).padStart(3, '0');
          const at = strengths.length > 1 ? `-x${strength}` : '';
          const text = pictureText(model, attachments, { prompt, seed, image, strength, ...settings });
          const path = await keepFile(
            join(outputDir, `${number}-${slug(prompt)}${at}-seed${seed}.png`),
            await encodePng(image, text),
          );
          made.push({ prompt, strength, image });
          if (flags.json)
            terminal.out(JSON.stringify({ index: Number(number), prompt, seed, strength, path }));
        }
      } finally {
        detach();
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await generator?.close();
    stop.forget();
    line.end();
  }
  const how = `${settings.sampler} ${settings.numInferenceSteps} steps, guidance ${settings.guidanceScale}`;
  if (made.length > 0) await tellSheet(made, `${basename(name)}, ${how}`, outputDir, flags, terminal);
  return stop.signal.aborted ? EXIT.interrupted : EXIT.ok;
}

interface Drawn {
  readonly prompt: string;
  readonly strength: number;
  readonly image: RgbImage;
}

/** All pictures on one sheet: a row for each prompt, and for each strength where there are several. */
async function tellSheet(
  made: readonly Drawn[],
  title: string,
  outputDir: string,
  { json, quiet }: GenerateFlags,
  terminal: Terminal,
): Promise<void> {
  const strengths = [...new Set(made.map(({ strength }) => strength))];
  const rows = [...new Set(made.map(({ prompt }) => prompt))].flatMap((prompt) =>
    strengths.map((strength) => ({
      label: strengths.length > 1 ? `${prompt}, strength ${strength}` : prompt,
      pictures: made
        .filter((picture) => picture.prompt === prompt && picture.strength === strength)
        .map(({ image }) => image),
    })),
  );
  const sheet = await keepFile(
    join(outputDir, 'sheet.png'),
    await encodePng(await renderSheet(rows, { title })),
  );
  if (quiet) terminal.out(displayPath(sheet));
  if (json || quiet) return;
  terminal.out(`${count(made.length, 'picture')} in ${displayPath(outputDir)}`);
  terminal.out(`sheet    ${colours.bold(displayPath(sheet))}`);
}

function checkRequest(model: DiffusionModel, sampler: string, resolution: number | undefined): void {
  if (!model.samplers.includes(sampler)) {
    throw new ConfigError('no such sampler', {
      code: 'sampler/unknown',
      where: '--sampler',
      expected: `one of ${model.samplers.join(', ')}`,
      got: `${sampler}${didYouMean(sampler, model.samplers)}`,
    });
  }
  const factor = model.latentCodec.downsampleFactor;
  if (resolution !== undefined && resolution % factor !== 0) {
    throw new ConfigError('pictures of this size do not fit the model', {
      code: 'model/other-size',
      where: '--resolution',
      expected: `a multiple of ${factor}`,
      got: String(resolution),
    });
  }
}

function slug(prompt: string): string {
  const words = prompt
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return words.slice(0, 48).replace(/-$/, '') || 'picture';
}
