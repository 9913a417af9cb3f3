// Exports an earlier checkpoint of a run: overfitting is the usual failure, and the best step is often not the last.
import type { ResolvedConfig } from './config/resolveConfig.ts';
import type { DiffusionModel } from './contracts.ts';
import { createRunContainer } from './di/runContainer.ts';
import { instanceLoss } from './losses/denoisingLoss.ts';
import type { PluginSetup } from './plugins/setUpPlugins.ts';
import { latentShapeOf } from './sampling/pictureFunctions.ts';
import { exportTrainables } from './stages/export.ts';
import { readCheckpoint } from './training/checkpoint.ts';
import { startMachine } from './training/machine.ts';
import { attachTrainables, detachTrainables } from './training/trainables.ts';
import { createTrainFunctions, trainOptions } from './training/trainFunctions.ts';

export interface ExportCheckpointOptions {
  readonly config: ResolvedConfig;
  readonly plugins: readonly PluginSetup[];
  readonly model: DiffusionModel;
  /** Folder of the checkpoint. */
  readonly checkpoint: string;
  /** Folder to write; it appears whole. */
  readonly output: string;
}

/** @returns the files written */
export async function exportCheckpoint({
  config,
  plugins,
  model,
  checkpoint,
  output,
}: ExportCheckpointOptions): Promise<string[]> {
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await attachTrainables(container.trainables);
  try {
    return await exportFrom(checkpoint, output, { config, model, container, trainables });
  } finally {
    detachTrainables(trainables);
  }
}

type Exported = Parameters<typeof trainOptions>[0];

async function exportFrom(
  checkpoint: string,
  output: string,
  { config, model, container, trainables }: Omit<Exported, 'latentShape'>,
): Promise<string[]> {
  const train = createTrainFunctions(
    trainOptions({
      config,
      model,
      container,
      trainables,
      latentShape: latentShapeOf(model, config.resolution),
    }),
  );
  const planned = Object.entries(train.functions).map(
    ([name, definition]) => [name, { definition, expectedRuns: 0 }] as const,
  );
  const machine = await startMachine(
    { model, threads: config.threads, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    Object.fromEntries(planned),
  );
  try {
    // What a checkpoint does not hold: values that never train.
    for (const { initialValues = new Map<string, Float32Array>() } of trainables)
      if (initialValues.size > 0) await machine.program.write(initialValues);
    await readCheckpoint(checkpoint, machine.program, [...train.trained, ...train.averageOf.values()]);
    return await exportTrainables({ config, model, machine, train, trainables }, output);
  } finally {
    await machine.close();
    train.dispose();
  }
}
