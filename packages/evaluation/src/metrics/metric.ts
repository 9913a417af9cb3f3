// The contract of a metric: a name, the judges it needs, and a pure function of the records. Ours and third parties'.
import { PluginError, type RgbImage } from '@likeness/core';
import type { JudgeRole } from '../judge.ts';
import { JUDGE_ROLES } from '../judge.ts';
import type { Evidence, PictureRecord } from '../records/record.ts';

export interface MetricValue {
  /** The measure; NaN where there was nothing to measure, which leaves it out. */
  readonly value: number;
  /** What it is a mean of, by prompt: for tables. */
  readonly perPrompt?: ReadonlyMap<string, number>;
  /** What it is a mean of, by picture: kept in the records as a score. */
  readonly perPicture?: ReadonlyMap<PictureRecord, number>;
}

export interface MetricDefinition {
  /** Key of the measure, camelCase: `clipI`. */
  readonly name: string;
  /** One line for tables and reports: what is compared with what. */
  readonly description: string;
  /** Which way is good; `neither` for facts. */
  readonly better: 'higher' | 'lower' | 'neither';
  /** A property of what was trained, whatever is drawn: shown, and never tested. */
  readonly isFact?: boolean;
  /** Judges without which it says nothing; it is left out then, and the record says so. */
  readonly needs: readonly JudgeRole[];
  /**
   * Reads numbers off a picture's pixels while they are at hand; `compute` finds them in the record's `looks` under the
   * metric's name.
   */
  readonly look?: (picture: RgbImage) => Readonly<Record<string, number>>;
  /** Pure: the same evidence gives the same bits. `undefined`, or NaN, where there is nothing to measure. */
  readonly compute: (evidence: Evidence) => MetricValue | number | undefined;
}

/** Marks what `defineMetric` made, of whichever copy of this package. */
const METRIC: unique symbol = Symbol.for('likeness.metric') as never;

export interface Metric extends MetricDefinition {
  readonly [METRIC]: true;
}

/**
 * Defines a metric.
 * @throws PluginError for a name that is no key, or a judge nobody plays
 */
export function defineMetric(definition: MetricDefinition): Metric {
  const { name, needs } = definition;
  if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
    throw new PluginError('a metric cannot be called so', {
      code: 'evaluation/bad-metric',
      where: `defineMetric(${JSON.stringify(name)})`,
      expected: 'a name in camelCase, like clipI',
      got: JSON.stringify(name),
    });
  }
  const unknown = needs.filter((role) => !JUDGE_ROLES.includes(role));
  if (unknown.length > 0) {
    throw new PluginError('no such judge', {
      code: 'evaluation/bad-metric',
      where: `metric ${name}`,
      expected: JUDGE_ROLES.join(', '),
      got: unknown.join(', '),
    });
  }
  return { ...definition, [METRIC]: true };
}

export function isMetric(value: unknown): value is Metric {
  return typeof value === 'object' && value !== null && METRIC in value;
}
