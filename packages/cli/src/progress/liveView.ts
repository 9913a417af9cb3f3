// The run on a terminal: a few lines, drawn again a few times a second. Pure: state in, lines out.
import type { StageName } from '@likeness/core';
import {
  displayPath,
  formatBytes,
  formatLoss,
  formatRate,
  formatSeconds,
  truncate,
} from '../terminal/format.ts';
import { colours } from '../terminal/terminal.ts';
import { STAGES, type CurrentWork, type RunProgress } from './runProgress.ts';

const BAR_WIDTH = 32;
const NAME_WIDTH = 9;
const INDENT = '             ';
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const SPARKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

export interface ViewOptions {
  readonly columns: number;
  /** Counts redraws: the spinner turns. */
  readonly frame: number;
  readonly cwd?: string;
}

/** Lines of the view, none longer than the terminal is wide. */
export function liveView(progress: RunProgress, options: ViewOptions): string[] {
  const { started, current } = progress;
  const head = started === undefined ? [] : [...headLines(started, options), ''];
  const before =
    started === undefined && current !== undefined
      ? [workLine(current, spinner(options.frame), options)]
      : [];
  const stages =
    started === undefined ? [] : stagesOf(progress).flatMap((stage) => stageLines(stage, progress, options));
  const after = progress.sheet === undefined ? [] : ['', quiet(`samples  ${path(progress.sheet, options)}`)];
  return [...head, ...before, ...stages, ...after];
}

function headLines(
  { recipe, prompts, model, folder, resumedFrom }: NonNullable<RunProgress['started']>,
  options: ViewOptions,
): string[] {
  const name = displayPath(model.source, options.cwd).split('/').at(-1) ?? model.source;
  const facts = [`“${prompts.instancePrompt}”`, `${name} at ${model.resolution} px`];
  if (resumedFrom !== undefined) facts.push(`from step ${resumedFrom}`);
  return [
    `${colours.bold(recipe)}  ${truncate(facts.join(' · '), options.columns - recipe.length - 2)}`,
    quiet(path(folder, options)),
  ];
}

/** All but those that were passed over: not every run has class pictures, or something to encode. */
function stagesOf({ stages }: RunProgress): readonly StageName[] {
  const reached = STAGES.findLastIndex((stage) => stages[stage].state !== 'waiting');
  return STAGES.filter((stage, i) => i > reached || stages[stage].state !== 'waiting');
}

function stageLines(stage: StageName, progress: RunProgress, options: ViewOptions): string[] {
  const { state, seconds, summary = '' } = progress.stages[stage];
  const name = stage.padEnd(NAME_WIDTH);
  if (state === 'waiting') return [quiet(` ○ ${name}`)];
  if (state === 'done') {
    const time = seconds === undefined ? '' : formatSeconds(seconds);
    return [` ${colours.green('✔')} ${name} ${truncate(summary, 60).padEnd(44)} ${quiet(time)}`];
  }
  const turning = spinner(options.frame);
  if (stage === 'training') return trainingLines(progress, turning, options);
  return progress.current === undefined
    ? [` ${turning} ${name} ${summary}`]
    : [workLine(progress.current, turning, options, name)];
}

function trainingLines(progress: RunProgress, turning: string, options: ViewOptions): string[] {
  const { step, current, losses, measures } = progress;
  const name = 'training'.padEnd(NAME_WIDTH);
  if (step === undefined) {
    const work = current ?? { what: 'preparing', done: 0, total: 0, unit: '' };
    return [workLine(work, turning, options, name)];
  }
  // The first step says nothing about the others: compiling is part of it.
  const left =
    step.step === 1
      ? ''
      : `${formatSeconds(step.secondsPerStep)}/step  ${formatSeconds(step.secondsLeft)} left`;
  const terms = Object.entries(step.terms).map(([term, value]) => `${term} ${formatLoss(value)}`);
  const rates = [...new Set(Object.values(step.learningRates))].map(formatRate).join(', ');
  const loss = `loss ${colours.bold(formatLoss(step.loss))}  ${quiet(terms.join('  '))}`;
  const facts = `lr ${rates}  gradient ${formatLoss(step.gradientNorm)}  memory ${formatBytes(step.memoryBytes)}`;
  const lines = [
    ` ${turning} ${name} ${bar(step.step, step.maxTrainSteps)}  ${step.step}/${step.maxTrainSteps}  ${left}`,
    `${INDENT}${loss}`,
    `${INDENT}${quiet(truncate(facts, options.columns - INDENT.length))}`,
  ];
  if (losses.length > 1)
    lines.push(`${INDENT}${colours.cyan(sparkline(losses, BAR_WIDTH))} ${quiet('loss')}`);
  if (measures !== undefined)
    lines.push(`${INDENT}${quiet(truncate(describeMeasures(measures), options.columns - INDENT.length))}`);
  if (current !== undefined) lines.push(`${INDENT}${describeWork(current)}`);
  return lines;
}

function workLine(work: CurrentWork, turning: string, options: ViewOptions, name?: string): string {
  const label = name ?? work.what.padEnd(NAME_WIDTH);
  const text = name === undefined || work.what === name.trim() ? describeAmount(work) : describeWork(work);
  const drawn = work.total > 0 ? `${bar(work.done, work.total)}  ` : '';
  return ` ${turning} ${label} ${drawn}${truncate(text, options.columns - INDENT.length - (drawn ? BAR_WIDTH + 2 : 0))}`;
}

/** `psnr 24.31  heldOutLoss 0.2114` */
export function describeMeasures(measures: Readonly<Record<string, number>>): string {
  return Object.entries(measures)
    .map(([name, value]) => `${name} ${formatLoss(value)}`)
    .join('  ');
}

/** `sampling 3/8 pictures, 4 s left` */
export function describeWork(work: CurrentWork): string {
  return `${work.what} ${describeAmount(work)}`.trim();
}

function describeAmount({ done, total, unit, secondsLeft, message }: CurrentWork): string {
  const amount = (value: number): string =>
    unit === 'bytes' ? formatBytes(value) : String(Math.floor(value));
  const parts = [];
  if (message !== undefined) parts.push(message);
  if (total > 0) parts.push(`${amount(done)}/${amount(total)}${unit === 'bytes' ? '' : ` ${unit}`}`);
  if (secondsLeft !== undefined) parts.push(`${formatSeconds(secondsLeft)} left`);
  return parts.join(', ');
}

/** `━━━━━━━━╺───────` */
export function bar(done: number, total: number, width: number = BAR_WIDTH): string {
  const filled = total > 0 ? Math.min(width, Math.floor((done / total) * width)) : 0;
  return `${colours.cyan('━'.repeat(filled))}${quiet('─'.repeat(width - filled))}`;
}

/** Values as a row of small bars; where there are more than fit, means of neighbours. */
export function sparkline(values: readonly number[], width: number): string {
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const slice = values.slice(
      from,
      Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns)),
    );
    return slice.reduce((sum, value) => sum + value, 0) / slice.length;
  });
  const low = Math.min(...means);
  const span = Math.max(...means) - low;
  return means
    .map(
      (mean) =>
        SPARKS[span > 0 ? Math.min(SPARKS.length - 1, Math.floor(((mean - low) / span) * SPARKS.length)) : 0],
    )
    .join('');
}

function spinner(frame: number): string {
  return colours.cyan(SPINNER[frame % SPINNER.length] ?? '·');
}

function path(file: string, { columns, cwd }: ViewOptions): string {
  return truncate(displayPath(file, cwd), columns - 10);
}

function quiet(text: string): string {
  return colours.dim(text);
}
