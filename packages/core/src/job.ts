// A run of any kind: its folder, its log, where it goes on from, how it ends. What happens in between are the stages
// of whoever starts it: `pipeline.ts` teaches a subject, `@likeness/plugin-pretrain` makes a model.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheDir as userCacheDir } from '@likeness/engine';
import { Observable } from 'rxjs';
import { openCache, type Cache } from './cache/cache.ts';
import type { DiffusionModel, Run, RunContext, Stage, StageContext, SubjectPrompts } from './contracts.ts';
import { ConfigError } from './errors.ts';
import type { PipelineEvent } from './events.ts';
import { earlyStopOf, readEvents } from './runFolder/eventLog.ts';
import { openCheckpoints, resolveResume, setDamagedAside, type Checkpoint } from './runFolder/checkpoints.ts';
import { acquireFolderLock, dropLeftLock } from './runFolder/folderLock.ts';
import { requireOwnFolder } from './runFolder/ownFolder.ts';
import { resumeLog } from './runFolder/resumedLog.ts';
import { openRunFolder, readRunRecord, type RecordedConfig, type RunFolder } from './runFolder/runFolder.ts';
import { readRun } from './runFolder/runSummary.ts';
import { shellQuote } from './shellQuote.ts';
import { requireIdentity, type ReadSaved } from './training/checkpoint.ts';

/** Settings every run has, whatever else there is in its config. */
export interface JobConfig extends RecordedConfig {
  readonly prompts: SubjectPrompts;
  readonly outputDir?: string | undefined;
  readonly resume?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly checkpointsTotalLimit?: number | undefined;
}

/** What the stages of a run find when it starts. */
export interface JobSetting extends RunContext {
  readonly folder: RunFolder;
  readonly cache: Cache;
  /** The checkpoint the run goes on from. */
  readonly from: Checkpoint | undefined;
  /** Steps that the run was planned for before, where it now goes on beyond them. */
  readonly plannedBefore: number | undefined;
  /** How far it has come: what an interrupted run says last. */
  reached(point: JobPoint): void;
}

export interface JobPoint {
  readonly step: number;
  readonly checkpoint?: string | undefined;
}

export interface Job<Found> {
  readonly config: JobConfig;
  /** Of the settings that can change what is trained: part of the folder's name. */
  readonly hash: string | ((found: Found) => string);
  /** The same settings, and the model: a checkpoint made under others is refused before anything is written. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** More of the identity, once it is known. */
  readonly identityOf?: (found: Found) => Readonly<Record<string, unknown>>;
  /** How a checkpoint's identity is read. Default: as it is written. */
  readonly readSaved?: ReadSaved;
  readonly model: Pick<DiffusionModel, 'source' | 'fingerprint' | 'resolution'>;
  /** Where run folders are made when the config names none. Default `runs`. */
  readonly runsRoot?: string | undefined;
  /** Aborting it stops the run as unsubscribing does, with its last events still delivered. */
  readonly signal?: AbortSignal | undefined;
  /** What is typed to go on, from the run's folder. Default `npx pipeline resume FOLDER`. */
  readonly resumeCommand?: (folder: string) => string;
  /**
   * What can be found wrong before there is a folder: then nothing is left behind. Its events are told after
   * `run-started`.
   */
  check(emit: (event: PipelineEvent) => void): Promise<Found>;
  /** The stages. Returns undefined when the run was stopped before its end; may also throw the signal's reason. */
  run(setting: JobSetting, found: Found): Promise<{ readonly sheet?: string | undefined } | undefined>;
}

/** A run: cold. Subscribing starts it; unsubscribing stops it after the step it is in, with a checkpoint. */
export function runJob<Found>(job: Job<Found>): Run {
  return new Observable<PipelineEvent>((subscriber) => {
    const stop = new AbortController();
    const signal = job.signal ? AbortSignal.any([stop.signal, job.signal]) : stop.signal;
    follow(job, signal, (event) => {
      subscriber.next(event);
    }).then(
      () => {
        subscriber.complete();
      },
      (error: unknown) => {
        subscriber.error(error);
      },
    );
    return () => {
      stop.abort();
    };
  });
}

async function follow<Found>(
  job: Job<Found>,
  signal: AbortSignal,
  tell: (event: PipelineEvent) => void,
): Promise<void> {
  const { config } = job;
  if (config.outputDir !== undefined) await requireOwnFolder(config.outputDir);
  if (await isFinished(job)) {
    const folder = await openFolder(job, '');
    await dropLeftLock(folder.path);
    tell(finishedEvent(folder));
    return;
  }
  const heard: PipelineEvent[] = [];
  const found = await job.check((event) => heard.push(event));
  // Before anything there is touched: another process may be at work in it.
  const { outputDir } = config;
  const early = outputDir === undefined ? undefined : await acquireFolderLock(resolve(outputDir));
  const folder = await openFolder(job, typeof job.hash === 'string' ? job.hash : job.hash(found));
  const lock = early ?? (await acquireFolderLock(folder.path));
  try {
    await followIn(folder, job, { found, heard }, AbortSignal.any([signal, lock.lost]), tell);
    // Whoever took over has the folder's log from here on.
    if (lock.lost.aborted) throw lock.lost.reason;
  } finally {
    await lock.release();
  }
}

async function followIn<Found>(
  folder: RunFolder,
  job: Job<Found>,
  { found, heard }: { readonly found: Found; readonly heard: readonly PipelineEvent[] },
  signal: AbortSignal,
  tell: (event: PipelineEvent) => void,
): Promise<void> {
  const { config, model } = job;
  const recovery = config.resume === undefined ? undefined : await resolveResume(config.resume, folder.path);
  const from = recovery?.from;
  // Before anything is written: the folder keeps the record of the run it belongs to.
  const identity = { ...job.identity, ...job.identityOf?.(found) };
  const going = from && (await requireIdentity(from.folder, identity, job.readSaved));
  const record = await recordOf(folder, config);
  const isNew = await resumeLog(folder, from);
  const emit = (event: PipelineEvent): void => {
    if (isNew(event)) folder.events.append(event);
    tell(event);
  };
  const cache = openCache(config.cacheDir ?? userCacheDir());
  let point: JobPoint = { step: from?.step ?? 0, checkpoint: from?.folder };
  const setting: JobSetting = {
    emit,
    signal,
    paths: { run: folder.path, cache: cache.dir },
    folder,
    cache,
    from,
    plannedBefore: going?.plannedBefore,
    reached: (next) => {
      point = next;
    },
  };
  const { source, fingerprint, resolution } = model;
  await folder.writeConfig(record, { model: fingerprint });
  emit({
    type: 'run-started',
    folder: folder.path,
    recipe: config.recipe,
    config: record as unknown as Readonly<Record<string, unknown>>,
    model: { source, fingerprint, resolution },
    prompts: config.prompts,
    ...(from ? { resumedFrom: from.step } : {}),
  });
  heard.forEach(emit);
  const passedOver = recovery ? await setDamagedAside(recovery) : [];
  for (const warning of passedOver) emit({ type: 'warning', ...warning });
  try {
    signal.throwIfAborted();
    const end = await job.run(setting, found);
    if (end) {
      emit(finishedEvent(folder, end.sheet));
      return;
    }
  } catch (error) {
    // Stages that are asked to stop throw the signal's reason; what else goes wrong while stopping is still told.
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  const { step, checkpoint } = point;
  const resume = job.resumeCommand?.(folder.path) ?? `npx pipeline resume ${shellQuote(folder.path)}`;
  emit({ type: 'run-interrupted', step, resume, ...(checkpoint === undefined ? {} : { checkpoint }) });
}

/** Runs a stage between its events. @throws the signal's reason when the run is being stopped */
export async function runStage<In, Out, Context extends StageContext>(
  stage: Stage<In, Out, Context>,
  input: In,
  context: Context,
): Promise<Out> {
  context.signal?.throwIfAborted();
  context.emit({ type: 'stage-started', stage: stage.name });
  const start = performance.now();
  const result = await stage.run(input, context);
  context.emit({ type: 'stage-finished', stage: stage.name, seconds: (performance.now() - start) / 1000 });
  return result;
}

/**
 * What the folder will say of the run. One that goes on keeps how it was begun. What is left of one that failed before it
 * did anything is cleared away.
 */
async function recordOf(folder: RunFolder, config: JobConfig): Promise<JobConfig> {
  const before: JobConfig | undefined = await readRunRecord(folder.path).then(
    (record) => record.config,
    () => undefined,
  );
  if (before === undefined) return config;
  if (config.resume === 'latest') return { ...config, outputDir: before.outputDir, resume: before.resume };
  if (config.resume === undefined) await rm(join(folder.path, 'samples'), { recursive: true, force: true });
  return config;
}

function openFolder(
  { config, runsRoot }: Pick<Job<unknown>, 'config' | 'runsRoot'>,
  hash: string,
): Promise<RunFolder> {
  const { outputDir, recipe, checkpointsTotalLimit } = config;
  return openRunFolder({
    recipe,
    hash,
    ...(outputDir === undefined ? {} : { outputDir }),
    ...(runsRoot === undefined ? {} : { root: runsRoot }),
    ...(checkpointsTotalLimit === undefined ? {} : { checkpointsTotalLimit }),
  });
}

/**
 * Whether resuming has nothing to do.
 * @throws ConfigError when the run was finished under other settings
 */
async function isFinished({
  config,
  identity,
  readSaved,
}: Pick<Job<unknown>, 'config' | 'identity' | 'readSaved'>): Promise<boolean> {
  const { resume, outputDir, maxTrainSteps } = config;
  if (resume !== 'latest' || outputDir === undefined) return false;
  const before = await readRun(outputDir).catch(() => undefined);
  if (before?.state !== 'finished') return false;
  const last = (await openCheckpoints(outputDir).list()).at(-1);
  const going = last && (await requireIdentity(last.folder, identity, readSaved));
  const stoppedAt = earlyStopOf(readEvents(outputDir));
  if (stoppedAt !== undefined && going?.plannedBefore !== undefined) {
    throw new ConfigError('the rule of the run ended it, and would have ended a longer one', {
      code: 'run/ended-by-rule',
      where: outputDir,
      got: `an end at step ${stoppedAt}, ${going.plannedBefore} steps planned then, ${maxTrainSteps} now`,
      hint: 'start another run, with another --output-dir (where the export is a whole model, from it: --pretrained-model RUN/export)',
    });
  }
  return before.step >= maxTrainSteps || stoppedAt !== undefined;
}

function finishedEvent(folder: RunFolder, sheet?: string): PipelineEvent {
  return {
    type: 'run-finished',
    folder: folder.path,
    export: folder.exportFolder,
    ...(sheet === undefined ? {} : { sheet }),
    next: `npx pipeline generate ${shellQuote(folder.path)} --prompt "…"`,
  };
}
