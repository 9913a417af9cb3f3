// pipeline status: how far a matrix has come, asked from anywhere.
import { resolve } from 'node:path';
import type { CellResult, MatrixFolder } from '@likeness/ablation';
import { DataError } from '@likeness/core';
import { Command } from 'commander';
import type { MatrixState } from '../ablate/matrixProgress.ts';
import { STALE_MS, STATUS_FILE } from '../ablate/defaults.ts';
import { count, displayPath, formatSeconds } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline status ablations/paper
  pipeline status ablations/paper --json`;

export function statusCommand(terminal: Terminal): Command {
  return new Command('status')
    .description('cells, workers and time left of a matrix')
    .argument('<folder>', 'folder of the matrix')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, { json }: { json?: boolean }) => {
      const { openMatrixFolder } = await import('@likeness/ablation');
      const folder = openMatrixFolder(resolve(path));
      const state = (await folder.read(STATUS_FILE)) as MatrixState | undefined;
      if (state === undefined) {
        throw new DataError('no matrix has run here', {
          code: 'ablation/no-matrix',
          where: path,
          expected: `a folder that pipeline ablate made, with a ${STATUS_FILE}`,
        });
      }
      const isAlive = Date.now() - Date.parse(state.updatedAt) < STALE_MS;
      const now = state.state === 'running' && !isAlive ? 'killed' : state.state;
      const failures = await failedIn(folder);
      if (json) terminal.out(JSON.stringify({ ...state, state: now, failures }));
      else tellState({ ...state, now, failures, path: displayPath(folder.path) }, terminal);
    });
}

interface Failed {
  readonly id: string;
  readonly reason: string;
}

/** The last word on each cell that failed and has no result. */
async function failedIn(folder: MatrixFolder): Promise<Failed[]> {
  const last = new Map((await folder.failures()).map(({ id, reason }) => [id, reason]));
  const failed: Failed[] = [];
  for (const [id, reason] of last) {
    const result: CellResult | undefined = await folder.find(id);
    if (result?.status === 'failed') failed.push({ id, reason });
  }
  return failed;
}

function tellState(
  {
    now,
    cells,
    done,
    failed,
    secondsLeft,
    workers,
    failures,
    path,
  }: MatrixState & {
    readonly now: string;
    readonly failures: readonly Failed[];
    readonly path: string;
  },
  { out }: Terminal,
): void {
  const left = now === 'running' && secondsLeft !== undefined ? `, ${formatSeconds(secondsLeft)} left` : '';
  out(
    colours.bold(
      `${path}: ${now}, ${done} of ${count(cells, 'cell')} done${failed > 0 ? `, ${failed} failed` : ''}${left}`,
    ),
  );
  if (now === 'running' && workers.length > 0) {
    out(
      table(
        [{ title: '' }, { title: '' }, { title: '' }],
        workers.map(({ name, what, step, maxTrainSteps }) => [
          name,
          what ?? 'waiting',
          step === undefined ? '' : `step ${step}/${maxTrainSteps ?? 0}`,
        ]),
      ),
    );
  }
  for (const { id, reason } of failures) out(`${colours.red('failed')}   ${id.slice(0, 12)}: ${reason}`);
  if (now === 'killed' || now === 'interrupted') out('the same pipeline ablate goes on');
}
