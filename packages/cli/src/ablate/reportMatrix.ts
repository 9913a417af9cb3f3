// A matrix's answer: a report for every study, and where there are several, an overview.
import { join } from 'node:path';
import {
  comparedWith,
  ONLY_STUDY,
  writeOverview,
  writeReport,
  type CellResult,
  type FactorValue,
  type MatrixFolder,
  type MatrixOutcome,
  type Plan,
  type Question,
  type Report,
} from '@likeness/ablation';
import { cacheKey, LikenessError } from '@likeness/core';
import { tensorFlowStatus } from '@likeness/engine';
import { METRICS } from '@likeness/evaluation';
import { VERSION } from '../version.ts';

export const REPORT_FOLDER = 'report';

export interface WrittenStudy {
  readonly study: string;
  readonly folder: string;
  /** Why there is none. */
  readonly problem?: string;
}

export async function reportMatrix(
  question: Question,
  plan: Plan,
  outcome: MatrixOutcome,
  folder: MatrixFolder,
): Promise<WrittenStudy[]> {
  const times = Object.fromEntries((await folder.timings()).map((record) => [record.id, timesOf(record)]));
  const written: WrittenStudy[] = [];
  const reports: { readonly name: string; readonly report: Report }[] = [];
  for (const expanded of plan.studies) {
    const { name, study } = expanded;
    const cells = outcome.results.get(name) ?? [];
    const out =
      name === ONLY_STUDY ? join(folder.path, REPORT_FOLDER) : join(folder.path, REPORT_FOLDER, name);
    const own = Object.fromEntries(
      cells.flatMap(({ id }) => (times[id] === undefined ? [] : [[id, times[id]]])),
    );
    try {
      const { report } = await writeReport({
        cells,
        baseline: comparedWith(expanded),
        metrics: metricsOf(study.metrics),
        ...(study.metrics === undefined ? {} : { show: study.metrics }),
        out,
        samplesRoot: folder.path,
        times: own,
        meta: {
          title: name === ONLY_STUDY ? question.name : `${question.name}: ${name}`,
          ...(study.question === undefined ? {} : { question: study.question }),
          configHash: cacheKey({
            ids: cells.map(({ id, factors, subject, seed }) => [id, factors, subject, seed]),
          }),
          versions: {
            likeness: VERSION,
            tensorflow: tensorFlowStatus().wantedVersion,
            node: process.versions.node,
          },
          weights: weightsOf(plan),
          judges: await judgesOf(cells, folder),
          settings: plainSettings(study.settings ?? {}),
        },
        ...(study.published === undefined ? {} : { published: study.published }),
      });
      written.push({ study: name, folder: out });
      reports.push({ name, report });
    } catch (error) {
      // A study whose baseline has failed has no report; the others have.
      if (!(error instanceof LikenessError)) throw error;
      written.push({ study: name, folder: out, problem: error.message });
    }
  }
  if (reports.length > 1) {
    const out = join(folder.path, REPORT_FOLDER);
    await writeOverview({ out, title: question.name, studies: reports });
  }
  return written;
}

function metricsOf(names: readonly string[] | undefined): typeof METRICS {
  if (names === undefined) return METRICS;
  return names.flatMap((name) => METRICS.find((metric) => metric.name === name) ?? []);
}

function weightsOf({ cells }: Plan): Record<string, string> {
  return Object.fromEntries(
    cells.map(({ config, parts }) => [
      config.pretrainedModel.split(/[\\/]/).at(-1) ?? '',
      String(parts['model']),
    ]),
  );
}

/** Of the first cell that has a result: the evaluation's settings are the same for all. */
async function judgesOf(
  cells: readonly CellResult[],
  folder: MatrixFolder,
): Promise<Readonly<Record<string, string>>> {
  const done = cells.find(({ status }) => status === 'done');
  return (done && (await folder.filesOf(done.id))?.outcome.judges) ?? {};
}

function plainSettings(settings: Readonly<Record<string, unknown>>): Record<string, FactorValue> {
  const plain = Object.entries(settings).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  return Object.fromEntries(plain) as Record<string, FactorValue>;
}

function timesOf({
  seconds,
  secondsPerStep,
  peakMemoryBytes,
}: {
  readonly seconds: number;
  readonly secondsPerStep?: number;
  readonly peakMemoryBytes?: number;
}): { seconds: number; secondsPerStep?: number; peakMemoryBytes?: number } {
  return {
    seconds,
    ...(secondsPerStep === undefined ? {} : { secondsPerStep }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  };
}
