// The run as plain lines, for logs: one when something begins or ends, and one every ten seconds in between.
import type { PipelineEvent } from '@likeness/core';
import { count, displayPath, formatBytes, formatLoss, formatSeconds } from '../terminal/format.ts';
import { describeMeasures, describeWork } from './liveView.ts';
import { advance, NOTHING_YET, type RunProgress } from './runProgress.ts';

const EVERY_MS = 10_000;

/** Turns events into lines; `now` in milliseconds decides when a repeated event is told again. */
export function plainLines(now: () => number = Date.now): (event: PipelineEvent) => string[] {
  let progress: RunProgress = NOTHING_YET;
  let lastTold = Number.NEGATIVE_INFINITY;
  const nowAndThen = (line: string): string[] => {
    if (now() - lastTold < EVERY_MS) return [];
    lastTold = now();
    return [line];
  };
  return (event) => {
    progress = advance(progress, event);
    switch (event.type) {
      case 'step':
        return event.step === 1 || event.step === event.maxTrainSteps
          ? ((lastTold = now()), [stepLine(event)])
          : nowAndThen(stepLine(event));
      case 'progress':
      case 'prior-image':
        return progress.current === undefined ? [] : nowAndThen(describeWork(progress.current));
      case 'stage-started':
        lastTold = now();
        return [];
      default:
        return onceLine(event, progress);
    }
  };
}

function onceLine(event: PipelineEvent, progress: RunProgress): string[] {
  switch (event.type) {
    case 'run-started': {
      const from = event.resumedFrom === undefined ? '' : `, from step ${event.resumedFrom}`;
      return [
        `${event.recipe}: “${event.prompts.instancePrompt}”${from}`,
        `run folder ${displayPath(event.folder)}`,
      ];
    }
    case 'stage-finished': {
      const { summary } = progress.stages[event.stage];
      return [
        `${event.stage} done in ${formatSeconds(event.seconds)}${summary === undefined ? '' : `: ${summary}`}`,
      ];
    }
    case 'compile-started':
      return [`compiling ${event.function}`];
    case 'compile-finished':
      return [`compiled ${event.function} in ${formatSeconds(event.seconds)}`];
    case 'samples-written':
      return [`step ${event.step}: ${count(event.pictures.length, 'sample')}, ${displayPath(event.sheet)}`];
    case 'checkpoint-saved':
      return [`step ${event.step}: checkpoint, ${formatBytes(event.bytes)}`];
    case 'measured':
      return [`step ${event.step}: ${describeMeasures(event.measures)}`];
    case 'early-stopped':
      return [`step ${event.step}: training ends here, ${event.reason}`];
    case 'exported':
      return [`exported ${count(event.files.length, 'file')}`];
    default:
      return [];
  }
}

function stepLine(event: Extract<PipelineEvent, { type: 'step' }>): string {
  const terms = Object.entries(event.terms).map(([term, value]) => `${term} ${formatLoss(value)}`);
  const facts = [
    `step ${event.step}/${event.maxTrainSteps}`,
    `loss ${formatLoss(event.loss)} (${terms.join(', ')})`,
    // The first step says nothing about the others: compiling is part of it.
    ...(event.step === 1
      ? []
      : [`${formatSeconds(event.secondsPerStep)}/step`, `${formatSeconds(event.secondsLeft)} left`]),
    formatBytes(event.memoryBytes),
  ];
  return facts.join('  ');
}
