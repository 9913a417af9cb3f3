// The log of a run says what happened in it, whether one process did it or many: what a killed process did beyond its
// last checkpoint is forgotten, and what a later one does again only to come there is not logged twice.
import type { EventOf, PipelineEvent } from '../events.ts';
import type { Checkpoint } from './checkpoints.ts';
import { readEvents } from './eventLog.ts';
import type { RunFolder } from './runFolder.ts';

/** @returns whether an event of the run as it goes on is to be logged */
export async function resumeLog(
  { events, path }: Pick<RunFolder, 'events' | 'path'>,
  from: Checkpoint | undefined,
): Promise<(event: PipelineEvent) => boolean> {
  await events.rewindTo(from?.step ?? -1);
  // From the start everything happens again.
  if (from === undefined) await events.rewrite(() => undefined);
  const logged = new Set(readEvents(path).map(nameOf));
  return (event) => {
    const name = nameOf(event);
    return name === undefined || !logged.has(name);
  };
}

/** By what an event is the same one again; undefined for those that come once, or follow what was forgotten. */
function nameOf(event: PipelineEvent): string | undefined {
  switch (event.type) {
    case 'run-started':
    case 'dataset-loaded':
      return event.type;
    case 'stage-started':
    case 'stage-finished':
      return `${event.type} ${event.stage}`;
    case 'warning':
      return `${event.type} ${event.code} ${event.text}`;
    case 'samples-written':
    case 'measured':
    case 'checkpoint-saved':
      return `${event.type} ${event.step}`;
    default:
      return undefined;
  }
}

/** The last samples of a run, by its log. */
export function lastSamples(path: string): EventOf<'samples-written'> | undefined {
  return readEvents(path).findLast((event) => event.type === 'samples-written');
}
