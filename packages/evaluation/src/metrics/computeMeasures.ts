// From records to measures: every metric whose judges spoke. Pure, so it can be repeated at any time.
import { PluginError } from '@likeness/core';
import type { Measures } from '../result.ts';
import type { Evidence, PictureRecord } from '../records/record.ts';
import { drift, classDrift } from './drift.ts';
import { exportBytes, trainedParameters } from './facts.ts';
import { memorised } from './memorisation.ts';
import type { Metric, MetricValue } from './metric.ts';
import { classAccuracy, div, divFeatures, pres } from './preservation.ts';
import { clipT } from './promptFidelity.ts';
import { clipI, dino } from './subjectFidelity.ts';

/** Ours, in the order of tables. */
export const METRICS: readonly Metric[] = [
  dino,
  clipI,
  clipT,
  pres,
  div,
  divFeatures,
  drift,
  classDrift,
  classAccuracy,
  memorised,
  exportBytes,
  trainedParameters,
];

export interface Measured {
  readonly measures: Measures;
  /** Why a metric says nothing, by name. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** By metric, then prompt. */
  readonly perPrompt: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By record, then metric. */
  readonly scores: ReadonlyMap<PictureRecord, Readonly<Record<string, number>>>;
}

/** @throws PluginError when two metrics have one name, or one returns what is no number */
export function computeMeasures(evidence: Evidence, metrics: readonly Metric[] = METRICS): Measured {
  const measures: Record<string, number> = {};
  const leftOut: Record<string, string> = {};
  const perPrompt: Record<string, Readonly<Record<string, number>>> = {};
  const scores = new Map<PictureRecord, Record<string, number>>();
  requireUniqueNames(metrics);
  for (const metric of metrics) {
    const { name, needs } = metric;
    const silent = needs.filter((role) => evidence.judges[role] === undefined);
    if (silent.length > 0) {
      leftOut[name] = `no judge for ${silent.join(', ')}`;
      continue;
    }
    const result = valueOf(metric, evidence);
    if (result === undefined || Number.isNaN(result.value)) {
      leftOut[name] = 'nothing to measure';
      continue;
    }
    measures[name] = result.value;
    if (result.perPrompt) perPrompt[name] = Object.fromEntries(result.perPrompt);
    for (const [record, score] of result.perPicture ?? []) {
      const known = scores.get(record) ?? {};
      known[name] = score;
      scores.set(record, known);
    }
  }
  return { measures, leftOut, perPrompt, scores };
}

function valueOf(metric: Metric, evidence: Evidence): MetricValue | undefined {
  const result = metric.compute(evidence);
  if (result === undefined) return undefined;
  const value = typeof result === 'number' ? { value: result } : result;
  if (typeof value.value === 'number') return value;
  throw new PluginError('a metric’s value is no number', {
    code: 'evaluation/bad-metric',
    where: `metric ${metric.name}`,
    expected: 'a number, or { value: number }',
    got: JSON.stringify(result),
  });
}

function requireUniqueNames(metrics: readonly Metric[]): void {
  const names = metrics.map(({ name }) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length > 0)
    throw new PluginError('two metrics have one name', { code: 'evaluation/bad-metric', details: twice });
}
