// What `pipeline generate` draws with: a model, a run, or adapters that a run exported.
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError, readRun, type Plugin } from '@likeness/core';
import { BUNDLED_MODEL, modelIn } from '../composition.ts';
import { requireRun, runFolderOf } from '../run/findRun.ts';
import { holdsSettings } from '../run/fromRun.ts';
import { planRun } from '../run/prepareRun.ts';
import { displayPath } from '../terminal/format.ts';

export interface Source {
  /** What `openModel` takes. */
  readonly model: string;
  /** What it predicts, where the run was told. */
  readonly predictionType?: string;
  /** Exported over that model, and the plugins that can attach it. */
  readonly exported?: { readonly folder: string; readonly plugins: readonly Plugin[] };
  readonly outputDir: string;
  readonly sampler?: string;
  readonly numInferenceSteps?: number;
  readonly guidanceScale?: number;
}

/**
 * A run by its folder stands for what it exported, sampled as its own samples were; so does an export by itself.
 * @throws DataError when there is no such run, or it has exported nothing yet
 */
export async function findSource(name: string): Promise<Source> {
  const run = await runFolderOf(name, ({ state }) => state === 'finished');
  if (run === undefined && name === 'latest') await requireRun(name, () => false);
  if (run !== undefined) return ofRun(run, join(run, 'export'));
  if ((await modelIn(name)) !== undefined || !(await holdsSettings(name))) {
    return { model: name, outputDir: 'generated' };
  }
  // An export inside a run knows by its run where the base model lies; one that was moved has only its name.
  const around = await runFolderOf(dirname(resolve(name)));
  if (around !== undefined) return ofRun(around, resolve(name));
  const { layers, plugins } = await planRun(['--from', name]);
  const base = layers[0]?.values['pretrainedModel'];
  return {
    model: typeof base === 'string' ? base : BUNDLED_MODEL,
    exported: { folder: name, plugins },
    outputDir: 'generated',
  };
}

async function ofRun(folder: string, exported: string): Promise<Source> {
  const run = await readRun(folder);
  if (!(await stat(exported).catch(() => undefined))) {
    throw new DataError('this run has exported nothing yet', {
      code: 'run/no-export',
      where: folder,
      got: `${run.state} at step ${run.step} of ${run.maxTrainSteps}`,
      hint: `pipeline resume ${displayPath(folder)}, or pipeline export ${displayPath(folder)} for a checkpoint as it is`,
    });
  }
  const { sampler, numInferenceSteps, guidanceScale, pretrainedModel, predictionType } = run.record.config;
  const model = await modelIn(exported);
  return {
    model: model ?? pretrainedModel ?? BUNDLED_MODEL,
    // an exported model says it itself
    ...(model !== undefined || predictionType === undefined ? {} : { predictionType }),
    exported: { folder: exported, plugins: await pluginsOf(folder, model !== undefined) },
    outputDir: join(
      folder,
      basename(exported) === 'export' ? 'generated' : `generated-${basename(exported)}`,
    ),
    sampler,
    numInferenceSteps,
    guidanceScale,
  };
}

/** A model that stands by itself can be drawn with when the plugin that made it is not installed any more. */
async function pluginsOf(folder: string, standsAlone: boolean): Promise<readonly Plugin[]> {
  try {
    return (await planRun(['--from', folder])).plugins;
  } catch (error) {
    if (standsAlone) return [];
    throw error;
  }
}
