import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoints } from './checkpoints.ts';
import { lossCurve, readEvents } from './eventLog.ts';

/** Whether a run came so far that something of it is worth keeping: a step, a checkpoint, an export. */
export async function holdsWork(runFolder: string): Promise<boolean> {
  if (lossCurve(readEvents(runFolder)).length > 0) return true;
  if ((await openCheckpoints(runFolder).list()).length > 0) return true;
  return (await stat(join(runFolder, 'export')).catch(() => undefined)) !== undefined;
}
