// The tests every metric passes, ours and others'. Neutral towards test runners: their words are handed in.
//
//   import { describe, it, assert } from 'vitest';            // or node:test and node:assert
//   import { testMetric } from '@likeness/evaluation/testing';
//   testMetric(sharpness, { describe, it, assert });
import { temporaryFolder } from '@likeness/core/testing';
import { computeMeasures } from '../metrics/computeMeasures.ts';
import type { Metric, MetricValue } from '../metrics/metric.ts';
import type { JudgeRole } from '../judge.ts';
import { byPrompt, type Evidence, type PictureRecord } from '../records/record.ts';
import { readEvidence, writeEvidence } from '../records/recordFiles.ts';
import { madeUpEvidence, madeUpPicture } from './madeUpEvidence.ts';

export interface TestMetricOptions {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
  readonly assert: { ok(value: unknown, message?: string): void };
  /** Evidence it has something to say of. Default: made up, with every judge, several prompts and unequal counts. */
  readonly evidence?: (metric: Metric) => Evidence;
}

/** Sums in another order. */
const TOLERANCE = 1e-9;

/**
 * Declares the conformance tests of a metric: it says something, the same thing every time, and changes nothing; it asks
 * only the judges it names; the order of pictures does not matter; where there is nothing to measure it says so; what it
 * is a mean of belongs to the evidence; and records that were written and read again give the same bits.
 */
export function testMetric(
  metric: Metric,
  { describe, it, assert, evidence: given = madeUpEvidence }: TestMetricOptions,
): void {
  const { name, needs, look } = metric;
  const compute = (evidence: Evidence): MetricValue => {
    const result = metric.compute(evidence);
    return typeof result === 'object' ? result : { value: result ?? NaN };
  };
  const saysNothing = ({ value }: MetricValue): boolean => Number.isNaN(value);

  describe(`metric ${name}`, () => {
    it('says something finite, and the same every time', async () => {
      const evidence = given(metric);
      const before = snapshot(evidence);
      const [first, second] = [compute(evidence), compute(evidence)];
      assert.ok(Number.isFinite(first.value), `${name}: ${first.value} of evidence with every judge`);
      assert.ok(Object.is(first.value, second.value), `${name}: first ${first.value}, then ${second.value}`);
      assert.ok(snapshot(evidence) === before, `${name}: it changed the evidence`);
    });

    it('asks only the judges it names', async () => {
      const evidence = given(metric);
      const alone = compute(withJudges(evidence, needs)).value;
      const { value } = compute(evidence);
      assert.ok(
        Object.is(alone, value),
        `${name}: ${value} with all judges, ${alone} with ${needs.join(', ') || 'none'}`,
      );
      for (const role of needs) {
        const { measures, leftOut } = computeMeasures(
          withJudges(
            evidence,
            needs.filter((other) => other !== role),
          ),
          [metric],
        );
        const left = measures[name] === undefined && leftOut[name] !== undefined;
        assert.ok(left, `${name}: it needs ${role} and speaks without`);
      }
    });

    it('does not depend on the order of the pictures', async () => {
      const evidence = given(metric);
      const turned = { ...evidence, pictures: evidence.pictures.toReversed() };
      const [a, b] = [compute(evidence).value, compute(turned).value];
      assert.ok(
        Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a)),
        `${name}: ${a}, and ${b} the other way round`,
      );
    });

    it('says nothing where there is nothing to measure', async () => {
      const nothing = compute({ ...given(metric), pictures: [], texts: new Map(), facts: {} });
      assert.ok(saysNothing(nothing), `${name}: ${nothing.value} of no pictures; return undefined or NaN`);
    });

    it('is made of pictures and prompts of the evidence', async () => {
      const evidence = given(metric);
      const { perPicture = new Map<PictureRecord, number>(), perPrompt = new Map<string, number>() } =
        compute(evidence);
      const prompts = byPrompt(evidence.pictures);
      for (const [record, score] of perPicture) {
        assert.ok(evidence.pictures.includes(record), `${name}: a score of a picture that is not there`);
        assert.ok(Number.isFinite(score), `${name}: the score of a picture is ${score}`);
      }
      for (const prompt of perPrompt.keys()) {
        assert.ok(prompts.has(prompt), `${name}: a score of the prompt "${prompt}", which nobody asked`);
      }
    });

    it('says the same of records that were written and read again', async () => {
      const evidence = given(metric);
      const folder = temporaryFolder();
      const measured = computeMeasures(evidence, [metric]);
      await writeEvidence(folder, evidence, measured, { name: 'test', weights: {}, settings: {} });
      const again = computeMeasures((await readEvidence(folder)).evidence, [metric]);
      const [value, read] = [measured.measures[name], again.measures[name]];
      assert.ok(
        Object.is(value, read),
        `${name}: ${value}, and ${read} after reading; is everything it looks at a number?`,
      );
    });

    if (look) {
      it('reads the same finite numbers off the same picture', async () => {
        const [first, second] = [look(madeUpPicture(1)), look(madeUpPicture(1))];
        assert.ok(
          JSON.stringify(first) === JSON.stringify(second),
          `${name}: look() differs from call to call`,
        );
        for (const [key, value] of Object.entries(first)) {
          assert.ok(Number.isFinite(value), `${name}: look() gives ${key} = ${value}`);
        }
      });
    }
  });
}

/** Everything a metric could change, as text. */
function snapshot({ pictures, texts, facts, judges }: Evidence): string {
  const plain = (value: unknown): unknown => (value instanceof Float32Array ? [...value] : value);
  const records = pictures.map((record) => ({
    ...record,
    features: Object.fromEntries(
      Object.entries(record.features).map(([role, feature]) => [role, plain(feature)]),
    ),
  }));
  return JSON.stringify([
    records,
    [...texts].map(([text, feature]) => [text, plain(feature)]),
    facts,
    judges,
  ]);
}

/** As if the others had never looked. */
function withJudges(
  { pictures, texts, judges, ...evidence }: Evidence,
  kept: readonly JudgeRole[],
): Evidence {
  const only = <Value>(of: Readonly<Partial<Record<JudgeRole, Value>>>): Partial<Record<JudgeRole, Value>> =>
    Object.fromEntries(Object.entries(of).filter(([role]) => kept.includes(role as JudgeRole)));
  return {
    ...evidence,
    judges: only(judges),
    texts: kept.includes('clip') ? texts : new Map(),
    pictures: pictures.map(({ distances, ...record }) => ({
      ...record,
      features: only(record.features),
      ...(distances && kept.includes('lpips') ? { distances } : {}),
    })),
  };
}
