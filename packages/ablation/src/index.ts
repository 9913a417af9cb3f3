// The public face of ablations: matrices of cells, their results, statistics and report.
export type { CellResult, CellStatus, FactorValue } from './cellResult.ts';

export { cellId, prepareCell } from './cells/cellId.ts';
export type { MachineFacts } from './cells/cellId.ts';
export { openCellStore } from './cells/cellStore.ts';
export type { CellStore, StoredCell } from './cells/cellStore.ts';
export type {
  CellOutcome,
  CellPlace,
  CellRequest,
  CellTiming,
  CellWork,
  PreparedCell,
} from './cells/cellWork.ts';
export { openMatrixFolder } from './cells/matrixFolder.ts';
export type { FailureRecord, MatrixFolder, TimingRecord } from './cells/matrixFolder.ts';
export { describePoint, runMatrix } from './cells/runMatrix.ts';
export type { MatrixEvent, MatrixOptions, MatrixOutcome } from './cells/runMatrix.ts';

export { openBlobStore } from './executors/blobStore.ts';
export type { BlobStore } from './executors/blobStore.ts';
export { CellFailed } from './executors/executor.ts';
export type { CellTask, Executor, ExecutorReports, WorkerState } from './executors/executor.ts';
export { localExecutor } from './executors/localExecutor.ts';
export type { LocalExecutorOptions } from './executors/localExecutor.ts';
export { queueExecutor } from './executors/queueExecutor.ts';
export type { QueueExecutorOptions } from './executors/queueExecutor.ts';
export { serveCells } from './executors/serveCells.ts';

export { defaultsMatrix, paperMatrix } from './shippedMatrices.ts';
export type { ShippedMatrix } from './shippedMatrices.ts';

export { serveQueue } from './executors/serveQueue.ts';
export type { ServeQueueOptions, WorkerMessage } from './executors/serveQueue.ts';

export { METHOD, parseAssignment, parseAxis } from './matrix/axis.ts';
export type { Axis } from './matrix/axis.ts';
export { withBudget } from './matrix/budget.ts';
export type { Costs } from './matrix/budget.ts';
export { comparedWith } from './matrix/design.ts';
export { expand } from './matrix/expand.ts';
export type { ExpandedStudy, Point, Surroundings } from './matrix/expand.ts';
export { planCells } from './matrix/plan.ts';
export type { InvalidPoint, Plan, PlannedCell, SharedThing } from './matrix/plan.ts';
export { defineMatrix, loadQuestion, ONLY_STUDY, resolveQuestion } from './matrix/question.ts';
export type { Question, QuestionInput, Study } from './matrix/question.ts';
export { withSetting } from './matrix/settingOf.ts';
export type { SubjectFacts } from './matrix/specialAxes.ts';

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
export { writeOverview } from './report/overview.ts';
export type { OverviewOptions } from './report/overview.ts';
export { writeReport } from './report/writeReport.ts';
export type { WriteReportOptions, WrittenReport } from './report/writeReport.ts';
