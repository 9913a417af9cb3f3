// One question from what was typed to its results: planned, estimated, worked off, told.
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import {
  expand,
  openCellStore,
  openMatrixFolder,
  planCells,
  runMatrix,
  withBudget,
  type CellStore,
  type ExpandedStudy,
  type MatrixFolder,
  type MatrixOutcome,
  type Plan,
  type Question,
} from '@likeness/ablation';
import { ConfigError, DataError } from '@likeness/core';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { reportStyle, type ReportFlags } from '../commands/reporting.ts';
import { warningLine } from '../progress/reporters.ts';
import { count, displayPath } from '../terminal/format.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { commandCellWork, type CommandCellWork } from './cellWork.ts';
import { MATRICES_ROOT, STALE_MS, STATUS_FILE } from './defaults.ts';
import { costsOf } from './costs.ts';
import { estimateMatrix, type MatrixEstimate } from './estimateMatrix.ts';
import { executorFor, type ExecutorFlags } from './executors.ts';
import { matrixProgress, type MatrixState } from './matrixProgress.ts';
import { readQuestion, type QuestionFlags } from './question.ts';
import { REPORT_FOLDER, reportMatrix, type WrittenStudy } from './reportMatrix.ts';
import { surroundingsOf } from './surroundings.ts';
import { workersFor } from './pace.ts';
import { planLines, tellMatrixPlan } from './tellMatrixPlan.ts';

export interface AblateFlags extends QuestionFlags, ReportFlags, Omit<ExecutorFlags, 'workers'> {
  /** Default: as many as there are cores for. */
  readonly workers?: number;
  readonly dryRun?: boolean;
  readonly measure: boolean;
  readonly retries: number;
  readonly retryFailed?: boolean;
  readonly outputDir?: string;
}

/** Everything known before the first cell runs. */
interface Prepared {
  readonly question: Question;
  readonly plan: Plan;
  /** Processes at a time. */
  readonly workers: number;
  readonly folder: MatrixFolder;
  readonly store: CellStore;
  readonly work: CommandCellWork;
}

export async function ablate(
  file: string | undefined,
  flags: AblateFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  // Planning measures steps: it can be stopped like everything that lasts.
  const stop = stopOnSignals({ nothingToLose: true });
  let prepared: Prepared;
  try {
    prepared = await prepare(file, flags, terminal, stop.signal);
    if (flags.dryRun) await tell(prepared, flags, terminal, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return EXIT.interrupted;
  } finally {
    stop.forget();
  }
  return flags.dryRun ? EXIT.ok : work(prepared, flags, terminal);
}

async function prepare(
  file: string | undefined,
  flags: AblateFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Prepared> {
  const style = reportStyle(flags, terminal);
  const question = await readQuestion(file, flags);
  const folder = openMatrixFolder(resolve(flags.outputDir ?? join(MATRICES_ROOT, question.name)));
  const line = progressLine(terminal, style === 'live' || style === 'plain');
  const cellWork = commandCellWork();
  const { cacheDir } = flags;
  const note = (text: string): void => {
    line.show(text, 0, 0);
  };
  const costs = costsOf({ work: cellWork, folder, cacheDir, signal, note });
  const studies: ExpandedStudy[] = [];
  for (const study of await expand(question, surroundingsOf())) studies.push(await withBudget(study, costs));
  const plan = await planCells(studies, cellWork, (done, total) => {
    line.show('looking at cells', done, total);
  });
  line.end();
  if (plan.cells.length === 0) {
    const reasons = [...new Set(plan.invalid.map(({ reason }) => reason))];
    throw new ConfigError('none of the cells can run', {
      code: 'ablation/nothing-runs',
      where: 'matrix',
      details: reasons,
    });
  }
  const workers = flags.workers ?? workersFor(plan.cells);
  return { question, plan, workers, folder, store: openCellStore(cacheDir), work: cellWork };
}

/** `--dry-run`. */
async function tell(
  prepared: Prepared,
  flags: AblateFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { plan, workers, folder, store } = prepared;
  const present = new Set<string>();
  for (const cell of plan.cells)
    if ((await folder.filesOf(cell.id)) ?? (await store.find(cell))) present.add(cell.id);
  const line = progressLine(terminal, reportStyle(flags, terminal) === 'live');
  const estimate = await estimated(prepared, present, flags, signal, (text) => {
    line.show(text, 0, 0);
  });
  line.end();
  const facts = { plan, folder: displayPath(folder.path), workers, present, estimate };
  if (flags.json) for (const text of planLines(facts)) terminal.out(text);
  else tellMatrixPlan(facts, terminal);
}

async function estimated(
  { plan, workers, folder, work: cellWork }: Prepared,
  present: ReadonlySet<string>,
  { cacheDir, measure }: AblateFlags,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<MatrixEstimate> {
  const timings = await folder.timings();
  return estimateMatrix(plan, {
    work: cellWork,
    workers,
    present,
    timings,
    measure,
    cacheDir,
    signal,
    note,
  });
}

async function work(prepared: Prepared, flags: AblateFlags, terminal: Terminal): Promise<ExitCode> {
  const { question, plan, workers, folder, store } = prepared;
  const style = reportStyle(flags, terminal);
  await refuseSecond(folder);
  for (const warning of plan.warnings) terminal.err(warningLine(warning));
  await folder.write('matrix.json', { question, ids: plan.cells.map(({ id }) => id) });
  const peaks = (await folder.timings()).flatMap(({ peakMemoryBytes = 0 }) => peakMemoryBytes);
  let killWorkers = (): void => undefined;
  const stop = stopOnSignals({
    onStop: () => {
      terminal.err(colours.yellow('finishing steps, writing checkpoints; Ctrl-C again to stop at once'));
    },
    atOnce: () => {
      killWorkers();
    },
  });
  const { executor, connect, kill } = await executorFor(
    { ...flags, workers },
    {
      folder,
      store,
      signal: stop.signal,
      peakMemoryBytes: Math.max(0, ...peaks),
    },
  );
  killWorkers = kill;
  const progress = matrixProgress({
    plan,
    folder,
    style,
    terminal,
    workers: executor.workers,
    cellSeconds: undefined,
    width: executor.width,
  });
  connect(progress.event);
  let outcome: MatrixOutcome;
  try {
    const { retries, retryFailed } = flags;
    const { signal } = stop;
    outcome = await runMatrix({
      plan,
      folder,
      store,
      executor,
      retries,
      retryFailed,
      signal,
      emit: progress.event,
    });
  } finally {
    await executor.close();
    stop.forget();
    await progress.close(stop.signal.aborted ? 'interrupted' : 'finished');
  }
  const isLong = style === 'live' || style === 'plain';
  const reports = stop.signal.aborted ? [] : await reportMatrix(question, plan, outcome, folder);
  if (style === 'json')
    for (const report of reports) terminal.out(JSON.stringify({ type: 'report', ...report }));
  else tellEnd(outcome, prepared, { isLong, reports }, terminal);
  if (stop.signal.aborted) return EXIT.interrupted;
  return outcome.count.failed > 0 ? EXIT.error : EXIT.ok;
}

function tellEnd(
  { count: counted }: MatrixOutcome,
  { folder }: Prepared,
  { isLong, reports }: { readonly isLong: boolean; readonly reports: readonly WrittenStudy[] },
  { out, err }: Terminal,
): void {
  const { done, failed, invalid, pending } = counted;
  const others = [
    ...(failed > 0 ? [colours.red(`${failed} failed`)] : []),
    ...(invalid > 0 ? [`${invalid} cannot run`] : []),
    ...(pending > 0 ? [colours.yellow(`${pending} still to do: the same command goes on`)] : []),
  ];
  if (isLong) out('');
  if (isLong) out([count(done, 'result'), ...others].join(', '));
  for (const { study, problem } of reports)
    if (problem !== undefined) {
      const text = `no report${study === '' ? '' : ` of ${study}`}: ${problem}`;
      err(warningLine({ code: 'ablation/no-report', text }));
    }
  const pages = reports.filter(({ problem }) => problem === undefined).map((report) => report.folder);
  if (isLong) for (const page of pages) out(`report   ${displayPath(join(page, 'report.html'))}`);
  if (isLong && pages.length > 1)
    out(`overview ${displayPath(join(folder.path, REPORT_FOLDER, 'index.html'))}`);
  out(isLong ? `folder   ${displayPath(folder.path)}` : folder.path);
}

/** @throws DataError when somebody on this machine works the matrix off just now */
async function refuseSecond(folder: MatrixFolder): Promise<void> {
  const state = (await folder.read(STATUS_FILE)) as MatrixState | undefined;
  if (state?.state !== 'running' || state.host !== hostname()) return;
  if (Date.now() - Date.parse(state.updatedAt) > STALE_MS || !isRunning(state.pid)) return;
  throw new DataError('this matrix is being worked off already', {
    code: 'ablation/taken',
    where: displayPath(folder.path),
    got: `process ${state.pid}, ${state.done} of ${state.cells} cells done`,
    hint: `look at it (pipeline status ${displayPath(folder.path)}), or name another folder with --output-dir`,
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
