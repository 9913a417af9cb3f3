// The pipeline on one screen: stages pull data from each other, events leave sideways.
//
//   config ─► dataset ─► prior generation ─► encoding ─► training ─► export
//
// It never names a plugin: plugins contribute to the container, and stages ask the container.
import { join } from 'node:path';
import { Observable } from 'rxjs';
import { configHash, settingsWithEffect } from './config/configHash.ts';
import type { ResolvedConfig } from './config/resolveConfig.ts';
import type { DiffusionModel, Run, RunContext, Stage, StageContext } from './contracts.ts';
import { cacheDir as userCacheDir } from '@likeness/engine';
import { openCache } from './cache/cache.ts';
import { createRunContainer } from './di/runContainer.ts';
import type { PipelineEvent } from './events.ts';
import { instanceLoss } from './losses/denoisingLoss.ts';
import type { PluginSetup } from './plugins/setUpPlugins.ts';
import { resolveResume } from './runFolder/checkpoints.ts';
import { openRunFolder, type RunFolder } from './runFolder/runFolder.ts';
import { readRun } from './runFolder/runSummary.ts';
import { datasetStage } from './stages/dataset.ts';
import { encodingStage } from './stages/encoding.ts';
import { exportStage } from './stages/export.ts';
import { prepare } from './stages/prepare.ts';
import { priorGenerationStage } from './stages/priorGeneration.ts';
import type { RunSetting } from './stages/run.ts';
import { trainingStage } from './stages/training.ts';
import { requireIdentity } from './training/checkpoint.ts';
import { detachTrainables } from './training/trainables.ts';

export interface RunOptions {
  readonly config: ResolvedConfig;
  /** Set up by `resolveConfig`. */
  readonly plugins: readonly PluginSetup[];
  readonly model: DiffusionModel;
  /** Where run folders are made when the config names none. Default `runs`. */
  readonly runsRoot?: string;
  /** Aborting it stops the run as unsubscribing does, with its last events still delivered. */
  readonly signal?: AbortSignal;
}

/** A run: cold. Subscribing starts it; unsubscribing stops it after the step it is in, with a checkpoint. */
export function runPipeline(options: RunOptions): Run {
  return new Observable<PipelineEvent>((subscriber) => {
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([stop.signal, options.signal]) : stop.signal;
    runStages(options, signal, (event) => {
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

async function runStages(
  { config, plugins, model, runsRoot }: RunOptions,
  signal: AbortSignal,
  tell: (event: PipelineEvent) => void,
): Promise<void> {
  if (await isFinished(config)) {
    tell(finishedEvent(await openFolder(config, runsRoot)));
    return;
  }
  // Before the run has a folder: pictures that cannot be used leave nothing behind.
  const heard: PipelineEvent[] = [];
  const dataset = await runStage(datasetStage, { config, model }, { emit: (event) => heard.push(event) });
  const folder = await openFolder(config, runsRoot);
  const emit = (event: PipelineEvent): void => {
    folder.events.append(event);
    tell(event);
  };
  const from = config.resume === undefined ? undefined : await resolveResume(config.resume, folder.path);
  // Before anything is written: the folder keeps the record of the run it belongs to.
  if (from) {
    await requireIdentity(from.folder, { config: settingsWithEffect(config), model: model.fingerprint });
  }
  // Equal steps are logged once: what a killed run did beyond its checkpoint is done again.
  await folder.events.rewindTo(from?.step ?? -1);
  const cache = openCache(config.cacheDir ?? userCacheDir());
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const context: RunContext = { emit, signal, paths: { run: folder.path, cache: cache.dir } };
  const setting: RunSetting = { ...context, config, model, container, folder, cache, from };
  const { source, fingerprint, resolution } = model;
  const { recipe, prompts } = config;
  await folder.writeConfig(config, { model: fingerprint });
  const settings = config as unknown as Readonly<Record<string, unknown>>;
  emit({
    type: 'run-started',
    folder: folder.path,
    recipe,
    config: settings,
    model: { source, fingerprint, resolution },
    prompts,
    ...(from ? { resumedFrom: from.step } : {}),
  });

  heard.forEach(emit);

  let step = from?.step ?? 0;
  let checkpoint = from?.folder;
  try {
    signal.throwIfAborted();
    const state = await prepare(setting, dataset);
    try {
      const { prior } = container;
      const madeBefore = prior?.target === 'frozen' ? undefined : prior;
      const classPictures = madeBefore && (await runStage(priorGenerationStage, madeBefore, state));
      const data = await runStage(encodingStage, { dataset, classPictures }, state);
      const trained = await runStage(trainingStage, { data, dataset }, state);
      [step, checkpoint] = [trained.step, trained.checkpoint];
      if (trained.finished) {
        await runStage(exportStage, trained, state);
        emit(finishedEvent(folder, trained.sheet));
        return;
      }
    } finally {
      await state.machine.close();
      state.train.dispose();
      detachTrainables(state.trainables);
    }
  } catch (error) {
    // Stages that are asked to stop throw the signal's reason; what else goes wrong while stopping is still told.
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  const resume = `npx pipeline resume ${folder.path}`;
  emit({ type: 'run-interrupted', step, resume, ...(checkpoint === undefined ? {} : { checkpoint }) });
}

async function runStage<In, Out, Context extends StageContext>(
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

function openFolder(config: ResolvedConfig, root: string | undefined): Promise<RunFolder> {
  const { outputDir, recipe, checkpointsTotalLimit } = config;
  return openRunFolder({
    recipe,
    hash: configHash(config),
    ...(outputDir === undefined ? {} : { outputDir }),
    ...(root === undefined ? {} : { root }),
    ...(checkpointsTotalLimit === undefined ? {} : { checkpointsTotalLimit }),
  });
}

/** Resuming what is already done does nothing. */
async function isFinished({ resume, outputDir, maxTrainSteps }: ResolvedConfig): Promise<boolean> {
  if (resume !== 'latest' || outputDir === undefined) return false;
  const before = await readRun(outputDir).catch(() => undefined);
  return before?.state === 'finished' && before.step >= maxTrainSteps;
}

function finishedEvent(folder: RunFolder, sheet?: string): PipelineEvent {
  return {
    type: 'run-finished',
    folder: folder.path,
    export: folder.exportFolder,
    ...(sheet === undefined ? {} : { sheet }),
    next: `npx pipeline generate ${join(folder.path)} --prompt "…"`,
  };
}
