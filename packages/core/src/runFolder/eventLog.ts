// `events.jsonl`: what happened, one event a line, the same for equal runs. `timings.jsonl`: when and how fast.
import { appendFileSync, closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import type { EventOf, PipelineEvent } from '../events.ts';
import { writeFileWhole } from '@likeness/engine';

/** Differ between equal runs. */
const TIMINGS: readonly string[] = ['seconds', 'secondsPerStep', 'secondsLeft', 'memoryBytes'];

/** What is compiled when, and which class pictures are made, depends on what was cached: equal runs differ in it. */
const DEPEND_ON_CACHES: ReadonlySet<PipelineEvent['type']> = new Set([
  'compile-started',
  'compile-finished',
  'prior-image',
  'prior-reused',
]);

/** What they tell of survives a power cut; so do they, and what stands before them. */
const TELL_OF_FILES: ReadonlySet<PipelineEvent['type']> = new Set([
  'run-started',
  'checkpoint-saved',
  'exported',
  'run-finished',
  'run-interrupted',
]);

export interface EventLog {
  /** Appends at once, so that a killed process has written what it has said. Progress is not kept. */
  append(event: PipelineEvent): void;
  /** Forgets everything after a step: what a killed run did beyond the checkpoint it resumes from. */
  rewindTo(step: number): Promise<void>;
  /** Every event as `change` makes it; undefined: without it. */
  rewrite(change: (event: PipelineEvent) => PipelineEvent | undefined): Promise<void>;
}

/** The log of a run folder. Paths below the folder are written relative to it. */
export function openEventLog(folder: string): EventLog {
  const eventsFile = join(folder, 'events.jsonl');
  const timingsFile = join(folder, 'timings.jsonl');
  const append = (event: PipelineEvent): void => {
    if (event.type === 'progress') return;
    const { record, timing } = splitTimings(event);
    if (!DEPEND_ON_CACHES.has(event.type)) {
      const line = `${JSON.stringify(record, relativePaths(folder))}\n`;
      appendFileSync(eventsFile, line, { flush: TELL_OF_FILES.has(event.type) });
    }
    appendFileSync(timingsFile, `${JSON.stringify({ at: new Date().toISOString(), ...timing })}\n`);
  };
  const rewrite: EventLog['rewrite'] = async (change) => {
    const kept = readEvents(folder)
      .map(change)
      .filter((event) => event !== undefined);
    await writeFileWhole(eventsFile, kept.map((event) => `${JSON.stringify(event)}\n`).join(''));
  };
  const rewindTo = async (step: number): Promise<void> => {
    dropTornLine(timingsFile);
    await rewrite((event) => (isUpTo(event, step) ? event : undefined));
  };
  return { append, rewindTo, rewrite };
}

/** Events of a run folder without their timings; a last line torn by a crash is left out. None when there is no log. */
export function readEvents(folder: string): PipelineEvent[] {
  const events: PipelineEvent[] = [];
  for (const line of readIfThere(join(folder, 'events.jsonl')).split('\n')) {
    try {
      if (line !== '') events.push(JSON.parse(line) as PipelineEvent);
    } catch {
      break;
    }
  }
  return events;
}

/** Splits an event into what equal runs have in common and what they do not. */
export function splitTimings(event: PipelineEvent): { record: object; timing: object } {
  const isTiming = ([key]: [string, unknown]): boolean => TIMINGS.includes(key);
  const entries = Object.entries(event);
  const where = event.type === 'step' ? { step: event.step } : 'stage' in event ? { stage: event.stage } : {};
  return {
    record: Object.fromEntries(entries.filter((entry) => !isTiming(entry))),
    timing: { type: event.type, ...where, ...Object.fromEntries(entries.filter(isTiming)) },
  };
}

/** A point of a loss curve. */
export type LossPoint = Pick<EventOf<'step'>, 'step' | 'loss' | 'terms'>;

/** Losses by step; of a step done twice (before and after a resume) the later. */
export function lossCurve(events: readonly PipelineEvent[]): LossPoint[] {
  const points = new Map<number, LossPoint>();
  for (const event of events) {
    if (event.type === 'step')
      points.set(event.step, { step: event.step, loss: event.loss, terms: event.terms });
  }
  return [...points.values()].sort((a, b) => a.step - b.step);
}

/** The step a rule ended the training at. */
export function earlyStopOf(events: readonly PipelineEvent[]): number | undefined {
  return events.findLast((event) => event.type === 'early-stopped')?.step;
}

function isUpTo(event: PipelineEvent, step: number): boolean {
  switch (event.type) {
    case 'step':
    case 'samples-written':
    case 'measured':
    case 'early-stopped':
    case 'checkpoint-saved':
      return event.step <= step;
    case 'warning':
      return (event.step ?? 0) <= step;
    case 'run-interrupted':
    case 'run-finished':
    case 'exported':
      return false;
    case 'stage-started':
      return event.stage !== 'export';
    case 'stage-finished':
      return event.stage !== 'export' && event.stage !== 'training';
    default:
      return true;
  }
}

function relativePaths(folder: string): (key: string, value: unknown) => unknown {
  return (_, value) => {
    if (typeof value !== 'string' || !isAbsolute(value)) return value;
    const below = relative(folder, value);
    return below.startsWith('..') || isAbsolute(below) ? value : below || '.';
  };
}

function dropTornLine(file: string): void {
  const text = readIfThere(file);
  if (text === '' || text.endsWith('\n')) return;
  const descriptor = openSync(file, 'r+');
  ftruncateSync(descriptor, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
  closeSync(descriptor);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
