// The pipeline on one screen: stages pull data from each other, events leave sideways.
//
//   config ─► dataset ─► prior generation ─► encoding ─► training ─► export
//
// It never names a plugin: plugins contribute to the container, and stages ask the container.
import { configHash, pluginPlaces, settingsWithEffect } from './config/configHash.ts';
import type { ResolvedConfig } from './config/resolveConfig.ts';
import type { DiffusionModel, Run, SampleWatch } from './contracts.ts';
import type { Dataset } from './data/dataset.ts';
import { ConfigError } from './errors.ts';
import { createRunContainer } from './di/runContainer.ts';
import { runJob, runStage, type JobSetting } from './job.ts';
import { instanceLoss } from './losses/denoisingLoss.ts';
import type { PluginSetup } from './plugins/setUpPlugins.ts';
import { datasetStage } from './stages/dataset.ts';
import { encodingStage } from './stages/encoding.ts';
import { exportStage } from './stages/export.ts';
import { prepare } from './stages/prepare.ts';
import { ownClassPictures, priorGenerationStage } from './stages/priorGeneration.ts';
import type { RunSetting } from './stages/run.ts';
import { trainingStage } from './stages/training.ts';
import type { ReadSaved } from './training/checkpoint.ts';
import { extendRecord } from './training/extendRecord.ts';
import { runContents, savedIdentity, type RunContents } from './training/identity.ts';
import { endEngineOnStop } from './training/endEngineOnStop.ts';
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
  /** Looks at the samples; needed where the config asks for it (`watch`, `earlyStop`). Closed when the run ends. */
  readonly watch?: SampleWatch;
}

/** A run: cold. Subscribing starts it; unsubscribing stops it after the step it is in, with a checkpoint. */
export function runPipeline({ config, plugins, model, runsRoot, signal, watch }: RunOptions): Run {
  const places = pluginPlaces(plugins);
  const readSaved: ReadSaved = (state) => savedIdentity(state, config, plugins);
  return runJob<Checked>({
    config,
    hash: ({ contents }) => configHash(config, { model: model.fingerprint, ...contents }, places),
    identity: { config: settingsWithEffect(config, places), model: model.fingerprint },
    identityOf: ({ contents }) => ({ ...contents }),
    readSaved,
    model,
    runsRoot,
    signal,
    check: async (emit) => {
      requireWatch(config, watch);
      const dataset = await runStage(datasetStage, { config, model, plugins }, { emit });
      return { dataset, contents: await runContents(config, plugins, dataset) };
    },
    run: async (job, { dataset, contents }) => {
      if (job.plannedBefore !== undefined) await extendRecord(job.folder, config, job.plannedBefore);
      const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
      const identity = { config: settingsWithEffect(config, places), model: model.fingerprint, ...contents };
      try {
        return await runStages(
          { ...job, config, model, container, watch, identity, readSaved },
          dataset,
          job,
        );
      } finally {
        await watch?.close();
      }
    },
  });
}

/** What is known of a run before it has a folder. */
interface Checked {
  readonly dataset: Dataset;
  readonly contents: RunContents;
}

/** A run that was promised to be watched is not started unwatched. */
function requireWatch({ watch, earlyStop }: ResolvedConfig, given: SampleWatch | undefined): void {
  if (given !== undefined || (!watch && earlyStop === undefined)) return;
  throw new ConfigError('nobody watches', {
    code: 'run/no-watch',
    where: earlyStop === undefined ? 'watch' : 'earlyStop',
    expected: 'a SampleWatch for runPipeline',
    got: 'none',
  });
}

async function runStages(
  setting: RunSetting,
  dataset: Dataset,
  { reached }: JobSetting,
): Promise<{ sheet?: string | undefined } | undefined> {
  const { prior } = setting.container;
  const madeBefore = prior?.target === 'frozen' ? undefined : prior;
  const own = madeBefore && (await ownClassPictures(madeBefore, setting.config));
  const state = await prepare(setting, dataset);
  try {
    const data = await endEngineOnStop(state.machine.engine, setting.signal, async () => {
      const classPictures =
        madeBefore && (await runStage(priorGenerationStage, { request: madeBefore, own }, state));
      return runStage(encodingStage, { dataset, classPictures }, state);
    });
    const trained = await runStage(trainingStage, { data, dataset }, state);
    reached(trained);
    if (!trained.finished) return undefined;
    await runStage(exportStage, trained, state);
    return { sheet: trained.sheet };
  } finally {
    await state.machine.close();
    state.train.dispose();
    detachTrainables(state.trainables);
  }
}
