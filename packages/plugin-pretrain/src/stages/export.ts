// Stage 4: the model with its new weights, as a folder diffusers loads or one file, and a card that says how it was made.
import { relative } from 'node:path';
import { beginFolder, type ExportOptions, type Stage } from '@likeness/core';
import { modelCard } from '../modelCard.ts';
import { portableSettings } from '../identity.ts';
import type { ComputeSetting, Prepared, PretrainState } from './context.ts';
import type { Trained } from './training.ts';

export const exportStage: Stage<Trained, readonly string[], PretrainState> = {
  name: 'export',
  async run(trained, state) {
    const { config, network, folder, emit, model } = state;
    const files = await exportModel(state, folder.exportFolder);
    emit({ type: 'exported', files });
    const { sheet, step, measures } = trained;
    await folder.writeModelCard(
      modelCard({
        network,
        config,
        baseModel: model.source,
        step,
        measures,
        data: { pictures: state.pictures.pictures.length, hash: state.pictures.hash },
        ...(sheet === undefined ? {} : { sheet: relative(folder.path, sheet) }),
      }),
    );
    return files;
  },
};

/** The averaged weights where there are any. The folder appears whole. */
export async function exportModel(
  { config, network, model, machine, update, objective }: Prepared<ComputeSetting>,
  folder: string,
): Promise<string[]> {
  const { program } = machine;
  const averaged: Parameters<typeof model.export>[1] = {
    save: (path, tensors, metadata) =>
      program.save(
        path,
        tensors.map((tensor) => ({
          ...tensor,
          variable: update.averageOf.get(tensor.variable) ?? tensor.variable,
        })),
        metadata,
      ),
  };
  const options: ExportOptions = {
    dtype: config.exportDtype,
    format: config.exportFormat,
    metadata: { format: 'pt', likeness: JSON.stringify(portableSettings(config, network)) },
    ...(await objective.exportOptions?.(program)),
  };
  const unfinished = await beginFolder(folder, { recipe: `pretrain-${network}` });
  try {
    const files = await model.export(unfinished.folder, averaged, objective.changed, options);
    await unfinished.commit();
    return files.map((file) => `${folder}/${file}`);
  } catch (error) {
    await unfinished.abandon();
    throw error;
  }
}
