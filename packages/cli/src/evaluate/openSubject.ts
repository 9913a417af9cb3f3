// What is evaluated, by the name a person has for it: a run, an export, or a model that nobody has taught.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
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
  const taught = run === undefined ? ofModel(name, settings, flags) : await ofRun(run, flags);
  const model = await openModel(source.model);
  const isBundled = (taught.base ?? source.model) === BUNDLED_MODEL;
  const trueNoun = settings.classNoun ?? exampleSubjects[taught.subject ?? '']?.classNoun;
  const classNoun = trueNoun ?? taught.prompts.classNoun;
  const base =
    taught.base === undefined
      ? undefined
      : taught.base === source.model
        ? model
        : await openModel(taught.base);
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

async function ofRun(folder: string, { outputDir }: SubjectFlags): Promise<Taught> {
  const { record } = await readRun(folder);
  const { config } = record;
  const { subject, pretrainedModel, prompts, instanceDataDir, resolution, recipe } = config;
  const exported = readEvents(folder).findLast((event) => event.type === 'exported');
  let exportBytes = 0;
  for (const file of exported?.files ?? []) exportBytes += await sizeOf(join(folder, 'export', file));
  return {
    folder: outputDir ?? folder,
    name: recipe,
    base: pretrainedModel,
    ...(subject === undefined ? {} : { subject }),
    prompts,
    references: instanceDataDir,
    resolution,
    facts: {
      ...(exportBytes > 0 ? { exportBytes } : {}),
      ...(exported?.trainedParameters === undefined ? {} : { trainedParameters: exported.trainedParameters }),
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
      where: 'reference',
      expected: `a folder, or a subject of ${Object.keys(exampleSubjects).join(', ')}`,
      got: FURTHER,
    });
  }
  // An example subject is where it is on this machine, wherever the run was made.
  const found = reference ?? example?.instanceDataDir ?? references;
  if (found !== undefined) return found;
  throw new ConfigError('there is nothing to compare with', {
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

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
