// The work of a cell: one run of the pipeline, then its evaluation. The only place where a matrix meets models and
// methods.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  prepareCell,
  type CellOutcome,
  type CellPlace,
  type CellTiming,
  type CellWork,
} from '@likeness/ablation';
import {
  resolvePlugins,
  runPipeline,
  type DiffusionModel,
  type PipelineEvent,
  type ResolvedConfig,
  type Warning,
} from '@likeness/core';
import { tensorFlowStatus } from '@likeness/engine';
import type { EvaluationInput } from '@likeness/evaluation';
import { builtIns, openModel } from '../composition.ts';
import { prepareRun, type PreparedRun } from '../run/prepareRun.ts';
import { judgeFingerprints } from '../evaluate/evaluateRun.ts';
import { evaluateCell, evaluationOf } from './evaluateCell.ts';
import { threadsOfCell } from './pace.ts';
import { usesOf } from './sharedThings.ts';

/** Settings of cells that nobody else decides: a killed cell goes on from its last checkpoint. */
const OF_CELLS = { samples: false, checkpointingSteps: 100, checkpointsTotalLimit: 1 } as const;

const NOBODY_JUDGES: Warning = {
  code: 'evaluation/no-judges',
  text: 'nobody judges the pictures: cells get pictures and facts, and no scores; name judges under evaluation.judges (docs/evaluation.md)',
};

export interface CommandCellWork extends CellWork {
  /** The run of a cell, ready to start, with a model of its own. */
  prepareRun(values: Readonly<Record<string, unknown>>): Promise<PreparedRun>;
  /** The same to look at: models are opened once for all. */
  lookAt(values: Readonly<Record<string, unknown>>): Promise<PreparedRun>;
}

/** @param cwd where plugins and pictures are looked up from */
export function commandCellWork(cwd: string = process.cwd()): CommandCellWork {
  const { wantedVersion, wantedVariant } = tensorFlowStatus();
  const machine = { tensorflow: wantedVersion, device: wantedVariant };
  // Preparing only asks a model for its facts, so that one will do for all cells; a run opens its own.
  const opened = new Map<string, Promise<DiffusionModel>>();
  const open: typeof openModel = (name, options) => {
    const key = JSON.stringify([name, options?.predictionType]);
    const known = opened.get(key) ?? openModel(name, options);
    opened.set(key, known);
    return known;
  };
  const judgesFound = new Map<string, ReturnType<typeof judgeFingerprints>>();
  const judgesOf = (input: EvaluationInput, model: string): ReturnType<typeof judgeFingerprints> => {
    const key = JSON.stringify([input.judges ?? {}, model]);
    const known = judgesFound.get(key) ?? judgeFingerprints(input, model);
    judgesFound.set(key, known);
    return known;
  };
  const ready = async (
    values: Readonly<Record<string, unknown>>,
    how: { readonly open?: typeof openModel } = {},
  ): Promise<PreparedRun> => {
    const recipe = String(values['recipe']);
    const listed = values['plugins'];
    const plugins = await resolvePlugins(recipe, {
      builtIns,
      cwd,
      plugins: Array.isArray(listed) ? listed : [],
    });
    const layers = [
      { name: 'cells', values: OF_CELLS },
      { name: 'matrix', values },
    ];
    const prepared = await prepareRun({ recipe, plugins, flags: [], layers }, {}, how);
    const threads = values['threads'] === undefined ? threadsOfCell(prepared.model) : prepared.config.threads;
    return { ...prepared, config: { ...prepared.config, threads } };
  };
  return {
    prepareRun: (values) => ready(values),
    lookAt: (values) => ready(values, { open }),
    prepare: async (request) => {
      const { config, plugins, model, warnings } = await ready(request.values, { open });
      const judges = await judgesOf(evaluationOf(request, config), config.pretrainedModel);
      return prepareCell(request, config, {
        model,
        machine,
        warnings: Object.keys(judges).length === 0 ? [...warnings, NOBODY_JUDGES] : warnings,
        uses: usesOf({ config, plugins, model, request }),
        evaluation: { judges },
      });
    },
    run: async (cell, place) => {
      const start = performance.now();
      const prepared = await ready(cell.request.values);
      const { cacheDir } = place;
      const config: ResolvedConfig = {
        ...prepared.config,
        outputDir: place.runFolder,
        resume: 'latest',
        ...(cacheDir === undefined ? {} : { cacheDir }),
      };
      const trained = await train({ ...prepared, config }, place);
      const outcome = await evaluateCell(cell, config, place);
      const exports = await hashesOf(join(place.runFolder, 'export'));
      return {
        outcome: { ...outcome, exports } satisfies CellOutcome,
        timing: { ...trained, seconds: (performance.now() - start) / 1000 },
      };
    },
  };
}

/** Runs to the end. @throws the signal's reason when it was stopped */
async function train(
  { config, plugins, model }: PreparedRun,
  { signal, emit }: CellPlace,
): Promise<Omit<CellTiming, 'seconds'>> {
  const seconds: number[] = [];
  let peakMemoryBytes = 0;
  let last: PipelineEvent | undefined;
  await new Promise<void>((resolve, reject) => {
    runPipeline({ config, plugins, model, signal }).subscribe({
      next: (event) => {
        last = event;
        if (event.type === 'step') {
          seconds.push(event.secondsPerStep);
          peakMemoryBytes = Math.max(peakMemoryBytes, event.memoryBytes);
        }
        emit(event);
      },
      error: reject,
      complete: resolve,
    });
  });
  if (last?.type === 'run-interrupted') throw signal.reason;
  return {
    steps: seconds.length,
    ...(seconds.length === 0 ? {} : { secondsPerStep: median(seconds), peakMemoryBytes }),
  };
}

/** sha256 by file of an export. */
async function hashesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes: [string, string][] = [];
  for (const file of files.sort()) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    hashes.push([file.slice(folder.length + 1), hash.digest('hex')]);
  }
  return Object.fromEntries(hashes);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
