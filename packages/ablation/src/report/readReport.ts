// A report's own file read again: `pipeline report` makes the report anew, or with another baseline, without any cell.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, parseJson } from '@likeness/core';
import type { Report } from './analysis.ts';
import { RESULTS_FORMAT } from './resultFiles.ts';
import type { TimesByCell } from './times.ts';
import type { WriteReportOptions } from './writeReport.ts';

/**
 * What `writeReport` was given when it wrote into a folder.
 * @throws DataError when there is no report, or one of another version
 */
export async function readReport(folder: string): Promise<WriteReportOptions> {
  const path = join(folder, 'results.json');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new DataError('there is no report', {
      code: 'ablation/report-missing',
      where: path,
      expected: 'a folder that pipeline ablate wrote its report into',
      cause: error,
    });
  });
  const { format, samplesRoot, ...report } = parseJson(text, path) as Report & {
    format: unknown;
    samplesRoot: string;
  };
  if (format !== RESULTS_FORMAT) {
    throw new DataError('this file was written by another version', {
      code: 'ablation/report-version',
      where: path,
      expected: RESULTS_FORMAT,
      got: String(format),
      hint: 'run pipeline ablate again: cells that are done are not done twice',
    });
  }
  const times = await readFile(join(folder, 'times.json'), 'utf8').catch(() => undefined);
  return {
    cells: report.cells,
    baseline: report.analysis.baseline,
    ...(report.analysis.show === undefined ? {} : { show: report.analysis.show }),
    metrics: report.metrics,
    meta: report.meta,
    published: report.published,
    seed: report.analysis.resamplingSeed,
    resamples: report.analysis.resamples,
    alpha: report.analysis.alpha,
    out: folder,
    samplesRoot: join(folder, samplesRoot),
    ...(times === undefined ? {} : { times: JSON.parse(times) as TimesByCell }),
  };
}
