// What is evaluated, by the name a person has for it: a run, an export, or a model that nobody has taught.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import {
  attachExports,
  ConfigError,
  readEvents,
  readRun,
  subjectPrompts,
  type Attached,
  type SubjectPrompts,
} from '@likeness/core';
import { UNRELATED_PROMPTS, type EvaluationSettings, type EvaluationSubject } from '@likeness/evaluation';
import { BUNDLED_MODEL, exampleSubjects, furtherDir, openModel } from '../composition.ts';
import { findSource, type Source } from '../generate/source.ts';
import { runFolderOf } from '../run/findRun.ts';
import { bundledUnrelated, classPromptOf, phraseOf, templatesOf } from './subjectWords.ts';

/** What a person says of the subject, where the thing evaluated does not know. */
export interface SubjectFlags {
  /** An example subject that comes along. */
  readonly subject?: string | undefined;
  readonly identifier?: string | undefined;
  readonly outputDir?: string | undefined;
}

/** What is known of how a model was taught. */
interface Taught {
  readonly folder: string;
  readonly name: string;
  readonly base?: string;
  /** What the base predicts, where the run was told. */
  readonly predictionType?: string | undefined;
  readonly subject?: string;
  readonly prompts: SubjectPrompts;
  readonly references?: string | readonly string[];
  readonly resolution?: number;
  readonly facts: Readonly<Record<string, number>>;
}

/** `--reference further`: pictures of an example subject nobody was trained on. */
const FURTHER = 'further';

/**
 * Opens it: models, adapters and pictures are checked, nothing is computed.
 * @throws DataError or ConfigError when it is not there, or nobody knows what its subject is
 */
export async function openSubject(
  name: string,
  settings: EvaluationSettings,
  flags: SubjectFlags = {},
): Promise<EvaluationSubject> {
  const source = await findSource(name);
  const run = await runFolderOf(name, ({ state }) => state === 'finished');
  // An export inside a run is known by its run: that of an earlier step, say.
  const around = run ?? (await runFolderOf(dirname(resolve(name))));
  const taught =
    around === undefined
      ? ofModel(name, settings, flags)
      : await ofRun(around, run === undefined ? resolve(name) : join(run, 'export'), flags);
  const model = await openModel(source.model, { predictionType: source.predictionType });
  const isBundled = (taught.base ?? source.model) === BUNDLED_MODEL;
  const trueNoun = settings.classNoun ?? exampleSubjects[taught.subject ?? '']?.classNoun;
  const classNoun = trueNoun ?? taught.prompts.classNoun;
  const base =
    taught.base === undefined
      ? undefined
      : taught.base === source.model
        ? model
        : await openModel(taught.base, { predictionType: taught.predictionType });
  return {
    name: taught.name,
    folder: taught.folder,
    model,
    ...attachedOf(source, model),
    ...(source.exported ? { attachedFingerprint: await hashOfFolder(source.exported.folder) } : {}),
    ...(base === undefined ? {} : { base }),
    references: referencesOf(taught, settings),
    phrase: phraseOf(taught.prompts),
    ...(classNoun === undefined ? {} : { classNoun }),
    ...classPromptOf(taught.prompts, trueNoun),
    prompts: templatesOf(isBundled, classNoun ?? ''),
    unrelatedPrompts: isBundled ? bundledUnrelated(classNoun) : UNRELATED_PROMPTS,
    sampling: {
      sampler: source.sampler ?? model.recommended.sampler ?? model.samplers[0] ?? '',
      numInferenceSteps: source.numInferenceSteps ?? model.recommended.numInferenceSteps ?? 25,
      guidanceScale: source.guidanceScale ?? model.recommended.guidanceScale ?? 7.5,
    },
    resolution: taught.resolution ?? model.resolution,
    facts: taught.facts,
  };
}

/** Folder that holds, or will hold, the evaluation of whatever has this name. */
export async function placeOf(name: string, outputDir?: string): Promise<string> {
  if (outputDir !== undefined) return resolve(outputDir);
  const run = await runFolderOf(name, ({ state }) => state === 'finished');
  if (run !== undefined) return run;
  const around = await runFolderOf(dirname(resolve(name)));
  return around === undefined ? resolve(`evaluated-${basename(name)}`) : placeInRun(around, resolve(name));
}

const placeInRun = (run: string, exported: string): string =>
  exported === join(run, 'export') ? run : join(run, `evaluated-${basename(exported)}`);

/** @param exported the run's export, or that of another step, which is measured beside it */
async function ofRun(folder: string, exported: string, { outputDir }: SubjectFlags): Promise<Taught> {
  const { record } = await readRun(folder);
  const { subject, pretrainedModel, prompts, instanceDataDir, resolution, recipe, predictionType } =
    record.config;
  const event = readEvents(folder).findLast(({ type }) => type === 'exported');
  const trainedParameters = event?.type === 'exported' ? event.trainedParameters : undefined;
  const isFinal = exported === join(folder, 'export');
  return {
    folder: outputDir ?? placeInRun(folder, exported),
    name: isFinal ? recipe : `${recipe}, ${basename(exported)}`,
    base: pretrainedModel,
    predictionType,
    ...(subject === undefined ? {} : { subject }),
    prompts,
    references: instanceDataDir,
    resolution,
    facts: {
      exportBytes: await bytesIn(exported),
      ...(trainedParameters === undefined ? {} : { trainedParameters }),
    },
  };
}

/** @throws ConfigError when nobody says what the subject is */
function ofModel(
  name: string,
  { classNoun: said }: EvaluationSettings,
  { subject, identifier = 'sks', outputDir }: SubjectFlags,
): Taught {
  const classNoun = said ?? exampleSubjects[subject ?? '']?.classNoun;
  const prompts = subjectPrompts({ identifier, ...(classNoun === undefined ? {} : { classNoun }) });
  if (prompts === undefined) {
    throw new ConfigError('nobody knows what its subject is', {
      code: 'evaluation/unknown-subject',
      where: name,
      expected: '--subject NAME for an example subject, or --class-noun NOUN and --reference DIR',
      got: 'a model that is no run',
    });
  }
  return {
    folder: resolve(outputDir ?? `evaluated-${basename(name)}`),
    name: basename(name),
    ...(subject === undefined ? {} : { subject }),
    prompts,
    facts: {},
  };
}

function referencesOf(
  { subject, references }: Taught,
  { reference }: EvaluationSettings,
): string | readonly string[] {
  const example = exampleSubjects[subject ?? ''];
  if (reference === FURTHER) {
    if (subject !== undefined && example !== undefined) return furtherDir(subject);
    throw new ConfigError('only example subjects have further pictures', {
      code: 'evaluation/nothing-to-compare-with',
      where: 'reference',
      expected: `a folder, or a subject of ${Object.keys(exampleSubjects).join(', ')}`,
      got: FURTHER,
    });
  }
  // An example subject is where it is on this machine, wherever the run was made.
  const found = reference ?? example?.instanceDataDir ?? references;
  if (found !== undefined) return found;
  throw new ConfigError('there is nothing to compare with', {
    code: 'evaluation/nothing-to-compare-with',
    expected: '--reference DIR, or --subject NAME',
  });
}

function attachedOf(
  { exported }: Source,
  model: EvaluationSubject['model'],
): { attach?: () => Promise<Attached> } {
  if (exported === undefined) return {};
  return { attach: () => attachExports(model, exported.plugins, exported.folder) };
}

/** sha256 over the files of a folder, by name. */
async function hashOfFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.safetensors'));
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash.update(`${relative(folder, path)}\n`).update(await readFile(path));
  }
  return hash.digest('hex');
}

/** Bytes of what was exported, without the seal of the folder. */
async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name !== 'manifest.json')
      bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
