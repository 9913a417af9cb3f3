// How a matrix is told while it runs: one line that is redrawn, a line for each cell that ends, and a file that
// `pipeline status` reads.
import { hostname } from 'node:os';
import {
  describePoint,
  type MatrixEvent,
  type MatrixFolder,
  type Plan,
  type WorkerState,
} from '@likeness/ablation';
import { STATUS_FILE } from './defaults.ts';
import { warningLine, type ReportStyle } from '../progress/reporters.ts';
import { formatSeconds } from '../terminal/format.ts';
import { progressLine } from '../terminal/progressLine.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

export interface MatrixProgress {
  event(event: MatrixEvent): void;
  /** Writes the state once more; nothing is told afterwards. */
  close(state: MatrixState['state']): Promise<void>;
}

/** `status.json`: how far a matrix has come. */
export interface MatrixState {
  readonly state: 'running' | 'finished' | 'interrupted';
  readonly pid: number;
  readonly host: string;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly cells: number;
  readonly done: number;
  readonly failed: number;
  readonly secondsLeft?: number | undefined;
  readonly workers: readonly (WorkerState & {
    readonly what?: string | undefined;
    readonly step?: number | undefined;
    readonly maxTrainSteps?: number | undefined;
  })[];
}

const WRITE_EVERY_MS = 2000;
/** Of a cell's time, roughly; the rest is its evaluation. */
const TRAINING_SHARE = 0.6;

export interface MatrixProgressOptions {
  readonly plan: Plan;
  readonly folder: MatrixFolder;
  readonly style: ReportStyle;
  readonly terminal: Terminal;
  readonly workers: () => readonly WorkerState[];
  /** Seconds a cell is expected to take on one worker, by id. */
  readonly cellSeconds: ReadonlyMap<string, number> | undefined;
  readonly width: number;
}

export function matrixProgress(options: MatrixProgressOptions): MatrixProgress {
  const { plan, folder, style, terminal, workers, cellSeconds, width } = options;
  const startedAt = new Date();
  const names = new Map(plan.cells.map(({ id, points }) => [id, points[0] ? describePoint(points[0]) : id]));
  const steps = new Map<string, { step: number; maxTrainSteps: number }>();
  const stages = new Map<string, string>();
  const measuring = new Map<string, { what: string; done: number; total: number }>();
  const open = new Set(plan.cells.map(({ id }) => id));
  let [done, failed, made] = [0, 0, 0];
  const line = progressLine(terminal, style === 'live' || style === 'plain');

  const fraction = (id: string): number => {
    const [trained, judged] = [steps.get(id), measuring.get(id)];
    if (judged !== undefined)
      return TRAINING_SHARE + (1 - TRAINING_SHARE) * (judged.done / judged.total) * 0.99;
    return trained === undefined ? 0 : (TRAINING_SHARE * trained.step) / trained.maxTrainSteps;
  };
  /** From what cells took so far where some have ended, else from the estimate. */
  const secondsLeft = (): number | undefined => {
    const running = workers().flatMap(({ cell }) => (cell === undefined ? [] : [fraction(cell)]));
    const share = made + running.reduce((sum, part) => sum + part, 0);
    const left = open.size - running.reduce((sum, part) => sum + part, 0);
    const elapsed = (Date.now() - startedAt.getTime()) / 1000;
    if (share >= 1) return (elapsed / share) * left;
    if (cellSeconds === undefined) return undefined;
    return [...open].reduce((sum, id) => sum + (cellSeconds.get(id) ?? 0) * (1 - fraction(id)), 0) / width;
  };
  const show = (): void => {
    const at = workers()
      .flatMap(({ cell }) => (cell === undefined ? [] : [shown(cell)]))
      .join('; ');
    const left = secondsLeft();
    const total = plan.cells.length;
    line.show(
      `${done + failed}/${total} cells${left === undefined ? '' : `, ${formatSeconds(left)} left`}${at === '' ? '' : `  ${at}`}`,
      0,
      0,
    );
  };
  const shown = (id: string): string => {
    const [trained, judged] = [steps.get(id), measuring.get(id)];
    const what =
      judged !== undefined
        ? `${judged.what} ${Math.round((100 * judged.done) / judged.total)} %`
        : trained === undefined
          ? (stages.get(id) ?? 'starting')
          : `step ${trained.step}/${trained.maxTrainSteps}`;
    return `${names.get(id) ?? id}: ${what}`;
  };
  const state = (now: MatrixState['state']): MatrixState => ({
    state: now,
    pid: process.pid,
    host: hostname(),
    startedAt: startedAt.toISOString(),
    updatedAt: new Date().toISOString(),
    cells: plan.cells.length,
    done,
    failed,
    secondsLeft: secondsLeft(),
    workers: workers().map((worker) => ({
      ...worker,
      ...(worker.cell === undefined ? {} : { what: names.get(worker.cell), ...steps.get(worker.cell) }),
    })),
  });
  let writing: Promise<void> = Promise.resolve();
  const write = (now: MatrixState['state']): Promise<void> =>
    (writing = writing.then(() => folder.write(STATUS_FILE, state(now))));
  const timer = setInterval(() => {
    void write('running').catch(() => undefined);
    show();
  }, WRITE_EVERY_MS);
  timer.unref();
  const tell = (text: string): void => {
    if (style !== 'live' && style !== 'plain') return;
    line.end();
    terminal.out(text);
  };

  return {
    event: (event) => {
      if (style === 'json' && event.type !== 'cell-event') terminal.out(JSON.stringify(event));
      switch (event.type) {
        case 'matrix-started':
          [done, failed] = [event.reused, event.failed];
          for (const id of event.present) open.delete(id);
          if (event.reused > 0) tell(`${event.reused} of ${event.cells} cells are there already`);
          break;
        case 'cell-event':
          if (event.event.type === 'step')
            steps.set(event.id, { step: event.event.step, maxTrainSteps: event.event.maxTrainSteps });
          if (event.event.type === 'progress' && event.event.stage === 'measuring' && event.event.total > 0) {
            const { message = 'measuring', done: judged, total } = event.event;
            measuring.set(event.id, { what: message, done: judged, total });
          }
          if (event.event.type === 'stage-started') stages.set(event.id, event.event.stage);
          break;
        case 'cell-started':
          steps.delete(event.id);
          measuring.delete(event.id);
          break;
        case 'cell-finished':
          [done, made] = [done + 1, made + 1];
          open.delete(event.id);
          tell(
            `${colours.green('done')}     ${names.get(event.id) ?? event.id}${event.timing === undefined ? '' : colours.dim(`  ${formatSeconds(event.timing.seconds)}`)}`,
          );
          break;
        case 'cell-retried':
          tell(`${colours.yellow('again')}    ${names.get(event.id) ?? event.id}: ${event.reason}`);
          break;
        case 'warning':
          line.end();
          if (style !== 'json') terminal.err(warningLine(event));
          break;
        case 'cell-failed':
          failed += 1;
          open.delete(event.id);
          tell(`${colours.red('failed')}   ${names.get(event.id) ?? event.id}: ${event.reason}`);
          break;
      }
      show();
    },
    close: async (now) => {
      clearInterval(timer);
      line.end();
      await write(now);
    },
  };
}
