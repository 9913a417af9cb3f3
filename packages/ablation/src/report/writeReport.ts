// The public face: cells in, files out. Every file is a function of what is given, so equal matrices give equal bytes.
import { join, relative } from 'node:path';
import { ConfigError, writeFileWhole } from '@likeness/core';
import { analyse, type Report } from './analysis.ts';
import { blindPage, blindPairs } from './blindPage.ts';
import { standaloneSvg } from './chart.ts';
import { differenceChart } from './comparisonCharts.ts';
import { reportLatex } from './latex.ts';
import { reportMarkdown } from './markdown.ts';
import { shownPictures } from './pictureGrid.ts';
import { loadPictures } from './pictures.ts';
import { reportPage } from './reportPage.ts';
import type { ReportOptions } from './reportOptions.ts';
import { resultsCsv, resultsJson } from './resultFiles.ts';
import { timesJson, timesPage, type TimesByCell } from './times.ts';

export interface WriteReportOptions extends ReportOptions {
  /** Folder to write into. */
  readonly out: string;
  /** The matrix's folder, which paths of samples are relative to. */
  readonly samplesRoot: string;
  /** By cell; written beside the report, never into it. */
  readonly times?: TimesByCell;
}

export interface WrittenReport {
  readonly report: Report;
  /** File names, in `out`. */
  readonly files: readonly string[];
  /** Sample pictures that could not be read. */
  readonly missingPictures: readonly string[];
}

/** Enlarged they stay sharp; a page of some hundred stays a few megabytes. */
const GRID_PX = 384;
const BLIND_PX = 512;
const FIGURE_WIDTH = 640;

/**
 * Writes `report.html`, `blind.html`, `report.md`, `results.csv`, `results.json`, `table.tex`, `figure.svg`, and with
 * times `times.html` and `times.json`.
 * @throws ConfigError when there are no cells or none is of the baseline
 */
export async function writeReport(options: WriteReportOptions): Promise<WrittenReport> {
  const { cells, out, samplesRoot, times, baseline, seed = 0 } = options;
  if (cells.length === 0) {
    throw new ConfigError('there is nothing to report', {
      code: 'ablation/nothing-to-report',
      where: 'report',
      expected: 'at least one cell',
      got: 'none',
    });
  }
  const { report, groups } = analyse(options);
  const pairs = blindPairs(groups, baseline, seed);
  const pictures = await loadPictures(samplesRoot, shownPictures(groups), GRID_PX);
  const blindPictures = await loadPictures(
    samplesRoot,
    pairs.flatMap(({ paths }) => paths),
    BLIND_PX,
  );
  const files: Readonly<Record<string, string>> = {
    'report.html': reportPage(report, groups, pictures),
    'blind.html': blindPage(report.meta, pairs, blindPictures),
    'report.md': reportMarkdown(report),
    'results.csv': resultsCsv(report),
    'results.json': resultsJson(report, relative(out, samplesRoot).replaceAll('\\', '/')),
    'table.tex': reportLatex(report),
    'figure.svg': figure(report, groups),
    ...(times === undefined
      ? {}
      : { 'times.html': timesPage(report, groups, times), 'times.json': timesJson(times) }),
  };
  for (const [name, text] of Object.entries(files)) await writeFileWhole(join(out, name), text);
  return {
    report,
    files: Object.keys(files),
    missingPictures: [...new Set([...pictures.missing, ...blindPictures.missing])],
  };
}

/** Differences from the baseline, a panel a metric. */
function figure({ metrics, meta, seeds }: Report, groups: Parameters<typeof differenceChart>[1]): string {
  const charts = metrics
    .filter(({ comparisons }) => comparisons.some(({ difference }) => Number.isFinite(difference)))
    .map((metric) => ({
      title: metric.name,
      svg: differenceChart(metric, groups, { width: FIGURE_WIDTH, withLabels: true }),
    }));
  const named = (things: Readonly<Record<string, string>>): string => JSON.stringify(things);
  return standaloneSvg(
    charts,
    `${meta.title}; configuration ${meta.configHash}; seeds ${seeds.join(', ')}; judges ${named(meta.judges)}; ` +
      `weights ${named(meta.weights)}; versions ${named(meta.versions)}`,
    FIGURE_WIDTH,
  );
}
