// A run that goes on keeps the compile modes it was begun in, whatever `auto` would choose now: other modes, other bits.
import { resolveMode } from '@likeness/engine';
import { readCheckpointState } from '../training/checkpoint.ts';
import type { PlannedFunction } from '../training/machine.ts';
import type { RunSetting } from './run.ts';

/** Counts of runs from which `auto` makes each mode. */
const RUNS_FOR: Readonly<Record<string, number>> = { graph: 0, xla: Number.MAX_SAFE_INTEGER };

/**
 * The functions, planned so that `auto` becomes what the checkpoint was made under. Where that differs from what it would
 * be now, it is told with what it costs.
 */
export async function inRecordedModes(
  planned: Readonly<Record<string, PlannedFunction>>,
  { config, from, emit }: Pick<RunSetting, 'config' | 'from' | 'emit'>,
): Promise<Readonly<Record<string, PlannedFunction>>> {
  if (from === undefined || config.mode !== 'auto') return planned;
  const { identity } = await readCheckpointState(from.folder);
  const { modes = {} } = (identity['program'] ?? {}) as { modes?: Readonly<Record<string, string>> };
  const kept: string[] = [];
  const functions = Object.entries(planned).map(([name, { definition, expectedRuns }]) => {
    const mode = modes[name];
    const runs = mode === undefined ? undefined : RUNS_FOR[mode];
    if (runs === undefined) return [name, { definition, expectedRuns }] as const;
    if (resolveMode('auto', expectedRuns) !== mode) kept.push(name);
    return [name, { definition, expectedRuns: runs }] as const;
  });
  if (kept.length > 0)
    emit({ type: 'warning', code: 'run/mode-kept', text: costOf(kept, modes, config.maxTrainSteps) });
  return Object.fromEntries(functions);
}

function costOf(
  kept: readonly string[],
  modes: Readonly<Record<string, string>>,
  maxTrainSteps: number,
): string {
  const isSlower = kept.some((name) => modes[name] === 'graph');
  const cost = isSlower
    ? 'each of their calls takes longer than compiled ones would (about twice as long, on a processor)'
    : 'they are compiled, which takes longer than it saves in few calls';
  return `${kept.join(', ')}: run on in the mode the run was begun in, so that its bits stay what they are; for a run of ${maxTrainSteps} steps auto would choose ${isSlower ? 'xla' : 'graph'} today. It costs time: ${cost}. A new run would have the other mode`;
}
