// Stage 5: what was learned, as files other tools load, and the model card.
import { relative, resolve } from 'node:path';
import { beginFolder } from '../cache/wholeFolder.ts';
import { portableConfig } from '../config/portableConfig.ts';
import type { ExportOptions, Stage } from '../contracts.ts';
import { lossCurve, readEvents } from '../runFolder/eventLog.ts';
import { lastSamples } from '../runFolder/resumedLog.ts';
import { modelCard } from '../runFolder/modelCard.ts';
import type { TrainingResult } from './training.ts';
import type { RunState } from './run.ts';

export interface ExportResult {
  readonly files: readonly string[];
  readonly folder: string;
}

export const exportStage: Stage<TrainingResult, ExportResult, RunState> = {
  name: 'export',
  async run(trained, state) {
    const { config, container, folder, emit, model } = state;
    const files = await exportTrainables(state, folder.exportFolder);
    const variables = new Set(
      state.trainables.flatMap(({ groups }) => groups.flatMap((group) => group.variables)),
    );
    const trainedParameters = [...variables].reduce((sum, { size }) => sum + size, 0);
    emit({ type: 'exported', files, trainedParameters });
    // From the log: a run that was killed after its last step has not done it in this process.
    const samples = lastSamples(folder.path);
    const last = lossCurve(readEvents(folder.path)).at(-1);
    const local = (path: string): string => relative(folder.path, path);
    await folder.writeModelCard(
      modelCard({
        config,
        baseModel: model.source,
        samples:
          samples?.pictures.map(({ path, prompt }) => ({ path: localPath(folder.path, path), prompt })) ?? [],
        ...(samples ? { sheet: localPath(folder.path, samples.sheet) } : {}),
        exported: local(folder.exportFolder),
        loadInDiffusers: state.trainables.flatMap(
          ({ loadInDiffusers }) => loadInDiffusers?.(local(folder.exportFolder)) ?? [],
        ),
        withPrior: container.prior !== undefined,
        notes: state.trainables.flatMap(({ notes = [] }) => notes),
        ...(last ? { last: { step: trained.step, loss: last.loss } } : {}),
      }),
    );
    return { files, folder: folder.exportFolder };
  },
};

/** Logged paths are relative to the run already. */
const localPath = (run: string, path: string): string => (path.startsWith(run) ? relative(run, path) : path);

/**
 * Everything the trainables export, in a folder that appears whole.
 * @returns the files written, relative to it
 */
export async function exportTrainables(
  state: Pick<RunState, 'config' | 'model' | 'machine' | 'train' | 'trainables'>,
  folder: string,
): Promise<string[]> {
  const { config, model, machine, train, trainables } = state;
  const options: ExportOptions = {
    dtype: config.exportDtype,
    format: config.exportFormat,
    metadata: { format: 'pt', likeness: JSON.stringify(portableConfig(config)) },
  };
  const unfinished = await beginFolder(folder, { recipe: config.recipe });
  try {
    const files: string[] = [];
    for (const trainable of trainables) {
      const written = await trainable.export({
        folder: unfinished.folder,
        weights: machine.program,
        model,
        options,
        words: trainables.flatMap(({ words = [] }) => words),
        variableFor: (name) => train.averageOf.get(name) ?? name,
      });
      files.push(...written);
    }
    await unfinished.commit();
    return files.map((file) => relative(unfinished.folder, resolve(unfinished.folder, file)));
  } catch (error) {
    await unfinished.abandon();
    throw error;
  }
}
