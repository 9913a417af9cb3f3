// pipeline evaluate: what a run is worth, in numbers: is it the subject, does it show what was asked for, what else has
// training changed.
import { ConfigError, FileError } from '@likeness/core';
import { findMetrics, recomputeMeasures, type EvaluationInput } from '@likeness/evaluation';
import { Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { evaluateRun } from '../evaluate/evaluateRun.ts';
import { placeOf } from '../evaluate/openSubject.ts';
import { tellEvaluations, type Evaluated } from '../evaluate/tellEvaluation.ts';
import { warningLine } from '../progress/reporters.ts';
import { linesOf } from '../run/promptFile.ts';
import { displayPath } from '../terminal/format.ts';
import { nonNegative, positiveInteger, wholeNumber } from '../terminal/numbers.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
Pictures of the subject's evaluation prompts, of its class and of unrelated prompts are made with the run's own sampler
and seeds that are the same for every run, and judged by networks. Records of every picture stay in the run's folder,
in evaluation/; measures follow from them alone.

Examples:
  pipeline evaluate latest
  pipeline evaluate latest --prompts live --images-per-prompt 4 --dino dino-vits16/ --clip clip-vit-base-patch32/
  pipeline evaluate runs/a runs/b --num-inference-steps 20           beside each other
  pipeline evaluate runs/a runs/a/export-step-100                    which step was the best?
  pipeline evaluate latest --prompts sentences.txt --reference further
  pipeline evaluate latest --recompute --metric ./sharpness.ts       a new metric on the same records
  pipeline evaluate doodle --subject robot                           the model before anybody has taught it`;

const repeated = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

interface EvaluateFlags {
  readonly prompts?: string;
  readonly imagesPerPrompt?: number;
  readonly numClassImages?: number;
  readonly unrelatedPrompts?: string | false;
  readonly imagesPerUnrelatedPrompt?: number;
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
  readonly seed?: number;
  readonly reference?: string;
  readonly classNoun?: string;
  readonly subject?: string;
  readonly identifier?: string;
  readonly dino?: string;
  readonly clip?: string;
  readonly lpips?: string;
  readonly classifier?: string;
  readonly metric?: readonly string[];
  readonly recompute?: boolean;
  readonly batchSize?: number;
  readonly mode?: 'auto' | 'xla' | 'graph' | 'eager';
  readonly threads?: number;
  readonly cacheDir?: string;
  readonly outputDir?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function evaluateCommand(terminal: Terminal, exit: SetExitCode): Command {
  return new Command('evaluate')
    .description('measure what runs have learned, and what they have forgotten')
    .argument('<run...>', 'run folders, `latest`, exports, or a model before it is taught')
    .optionsGroup('Pictures:')
    .option(
      '--prompts <set>',
      "object or live: the paper's; or a file, one sentence a line, {} for the subject; default: the model's",
    )
    .option('--images-per-prompt <n>', 'pictures of each prompt (4)', positiveInteger)
    .option('--num-class-images <n>', 'pictures of the class (16)', wholeNumber)
    .option('--unrelated-prompts <file>', 'prompts training should have left alone, one a line')
    .option('--no-unrelated-prompts', 'without them: then no drift is measured')
    .option('--images-per-unrelated-prompt <n>', 'pictures of each of these (2)', positiveInteger)
    .option('--sampler <name>', "sampler; default: the run's")
    .option('--num-inference-steps <n>', "steps of the sampler; default: the run's", positiveInteger)
    .option(
      '--guidance-scale <x>',
      "how strongly pictures follow their prompt; default: the run's",
      nonNegative,
    )
    .option('--seed <n>', 'seed of the first picture of each prompt (0)', wholeNumber)
    .optionsGroup('Subject:')
    .option(
      '--reference <dir>',
      'pictures to compare with; further: those of an example subject that nobody was trained on',
    )
    .option('--class-noun <noun>', 'what the subject is, where the run was told something else')
    .option('--subject <name>', 'an example subject, for a model that is no run')
    .option('--identifier <word>', 'the word that names the subject, for a model that is no run')
    .optionsGroup('Judges:')
    .option('--dino <folder>', 'ViT or DINOv2; default with the bundled model: the judge that comes along')
    .option('--clip <folder>', 'CLIP')
    .option('--lpips <path>', 'LPIPS: trunk and lin layers as safetensors')
    .option('--classifier <folder>', 'ViT with labels')
    .addOption(
      new Option('--metric <name>', 'a further metric: package or path; several: say it again').argParser(
        repeated,
      ),
    )
    .option('--recompute', 'measure again from the records alone, without a model')
    .optionsGroup('Speed and memory:')
    .option('--batch-size <n>', 'pictures computed together (4)', positiveInteger)
    .addOption(new Option('--mode <mode>', 'how the networks run').choices(['auto', 'xla', 'graph', 'eager']))
    .option('--threads <n>', 'threads to compute with', positiveInteger)
    .option('--cache-dir <dir>', 'folder for what can be made again; default: one per user')
    .optionsGroup('Output:')
    .option('--output-dir <dir>', 'where evaluation/ goes; default: the folder of the run')
    .option('--json', 'one run a line on stdout and nothing else')
    .option('--quiet', 'only the folders')
    .addHelpText('after', EXAMPLES)
    .action(async (names: string[], flags: EvaluateFlags) => {
      exit(await evaluate(names, flags, terminal));
    });
}

async function evaluate(
  names: readonly string[],
  flags: EvaluateFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (names.length > 1 && flags.outputDir !== undefined) {
    throw new ConfigError('several runs do not go into one folder', {
      code: 'usage/contradiction',
      where: '--output-dir',
    });
  }
  const settings = await settingsOf(flags);
  const metrics = await findMetrics(flags.metric ?? []);
  const line = progressLine(terminal, !flags.json && !flags.quiet);
  const stop = stopOnSignals({ nothingToLose: true });
  const evaluated: Evaluated[] = [];
  try {
    for (const [i, name] of names.entries()) {
      const which = names.length > 1 ? `${i + 1} of ${names.length}: ` : '';
      line.show(`${which}opening`, 0, 0);
      const evaluation = flags.recompute
        ? await recomputeMeasures(await placeOf(name, flags.outputDir), metrics)
        : await evaluateRun({ runDir: name }, settings, {
            subject: flags.subject,
            identifier: flags.identifier,
            outputDir: flags.outputDir,
            cacheDir: flags.cacheDir,
            signal: stop.signal,
            onProgress: (what, done, total) => {
              line.show(`${which}${what}`, done, total);
            },
            onWarning: (warning) => {
              line.end();
              terminal.err(warningLine(warning));
            },
          });
      evaluated.push({ name, evaluation });
      if (flags.json) {
        const { measures, judges, folder } = evaluation;
        terminal.out(JSON.stringify({ run: name, measures, judges, folder }));
      }
      if (flags.quiet) terminal.out(displayPath(evaluation.folder));
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    stop.forget();
    line.end();
  }
  if (evaluated.length > 0 && !flags.json && !flags.quiet) tellEvaluations(evaluated, metrics, terminal);
  return stop.signal.aborted ? EXIT.interrupted : EXIT.ok;
}

async function settingsOf(flags: EvaluateFlags): Promise<EvaluationInput> {
  const { prompts, unrelatedPrompts, dino, clip, lpips, classifier, metric } = flags;
  const set = prompts === 'object' || prompts === 'live' ? prompts : undefined;
  const settings = {
    prompts: set ?? (prompts === undefined ? undefined : await sentencesOf(prompts, '--prompts')),
    unrelatedPrompts:
      unrelatedPrompts === false
        ? []
        : typeof unrelatedPrompts === 'string'
          ? await sentencesOf(unrelatedPrompts, '--unrelated-prompts')
          : undefined,
    imagesPerPrompt: flags.imagesPerPrompt,
    numClassImages: flags.numClassImages,
    imagesPerUnrelatedPrompt: flags.imagesPerUnrelatedPrompt,
    sampler: flags.sampler,
    numInferenceSteps: flags.numInferenceSteps,
    guidanceScale: flags.guidanceScale,
    seed: flags.seed,
    reference: flags.reference,
    classNoun: flags.classNoun,
    judges: said({ dino, clip, lpips, classifier }),
    metrics: metric === undefined ? undefined : [...metric],
    batchSize: flags.batchSize,
    mode: flags.mode,
    threads: flags.threads,
  };
  return said(settings) as EvaluationInput;
}

/** Without what nobody said. */
function said(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** @throws ConfigError for a file that is not there or empty; FileError or DataError when it cannot be read */
async function sentencesOf(path: string, flag: string): Promise<string[]> {
  const expected = flag === '--prompts' ? 'object, live, or a file with one sentence a line' : 'a file';
  const lines = await linesOf(path).catch((error: unknown) => {
    if (!(error instanceof FileError) || error.code !== 'file/missing') throw error;
    // The word may have been meant for a set of prompts.
    throw new ConfigError('there is no such file', {
      code: error.code,
      where: flag,
      expected,
      got: path,
      cause: error,
    });
  });
  if (lines.length > 0) return lines;
  throw new ConfigError('the file holds no sentence', {
    code: 'usage/no-prompt',
    where: flag,
    expected,
    got: path,
  });
}
