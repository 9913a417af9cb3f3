// A run that goes on beyond the steps it was planned for ends as one that was planned for them from the start: what was
// written only because the old plan ended there goes, and what was written about the plan is written anew.
import { rm } from 'node:fs/promises';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { PipelineEvent } from '../events.ts';
import { readCheckpointState } from './checkpoint.ts';
import type { RunFolder } from '../runFolder/runFolder.ts';

/** @param plannedBefore steps of the old plan */
export async function extendRecord(
  folder: RunFolder,
  config: ResolvedConfig,
  plannedBefore: number,
): Promise<void> {
  const { maxTrainSteps, sampleEverySteps } = config;
  const looksThere = plannedBefore % sampleEverySteps === 0;
  await folder.events.rewrite((event) => {
    if (event.type === 'run-started') return { ...event, config: { ...event.config, maxTrainSteps } };
    if (event.type === 'step') return { ...event, maxTrainSteps };
    return !looksThere && isOfALook(event) && event.step === plannedBefore ? undefined : event;
  });
  if (!looksThere) await rm(folder.samplesFolder(plannedBefore), { recursive: true, force: true });
}

/** Once the run has ended: checkpoints that only the end of an older plan had made, or a stop on the way. */
export async function dropOldEnds(
  { checkpoints, events }: RunFolder,
  { checkpointingSteps, maxTrainSteps }: ResolvedConfig,
): Promise<void> {
  const dropped = new Set<number>();
  for (const { step, folder } of await checkpoints.list()) {
    if (step % checkpointingSteps === 0 || step >= maxTrainSteps) continue;
    const { identity, interim = false } = await readCheckpointState(folder);
    const { config } = identity as { config?: { maxTrainSteps?: unknown } };
    if (!interim && config?.maxTrainSteps !== step) continue;
    dropped.add(step);
    await rm(folder, { recursive: true, force: true });
  }
  if (dropped.size === 0) return;
  await events.rewrite((event) =>
    event.type === 'checkpoint-saved' && dropped.has(event.step) ? undefined : event,
  );
}

function isOfALook(event: PipelineEvent): event is PipelineEvent & { readonly step: number } {
  return (
    event.type === 'samples-written' ||
    event.type === 'measured' ||
    (event.type === 'warning' && event.step !== undefined)
  );
}
