// The public face of ablations: matrices of cells, their results, statistics and report.
export type { CellResult, CellStatus, FactorValue } from './cellResult.ts';
export * from './statistics/index.ts';
export type { ComparisonReport, GroupReport, MetricReport, ParetoReport, Report } from './report/analysis.ts';
export { readReport } from './report/readReport.ts';
export type {
  CellTimes,
  MetricFacts,
  PublishedNumber,
  ReportMeta,
  ReportOptions,
} from './report/reportOptions.ts';
export { writeReport } from './report/writeReport.ts';
export type { WriteReportOptions, WrittenReport } from './report/writeReport.ts';
