// pipeline runs: what was run, and what two runs have not in common.
import { compareRuns, listRuns, type LossPoint, type RunSummary } from '@likeness/core';
import { Command } from 'commander';
import { sparkline } from '../progress/liveView.ts';
import { requireRun, RUNS_ROOT } from '../run/findRun.ts';
import { displayPath, formatLoss, truncate } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline runs
  pipeline runs list --runs-dir elsewhere/runs
  pipeline runs compare latest runs/20250131-142501-dreambooth+ppl-1a2b3c4d`;

const COMPARED_STEPS = 8;
const CURVE_WIDTH = 48;

export function runsCommand(terminal: Terminal): Command {
  const command = new Command('runs').description('list runs, or compare two').addHelpText('after', EXAMPLES);
  const list = new Command('list')
    .description('list runs, oldest first')
    .option('--runs-dir <dir>', 'folder of the runs', RUNS_ROOT)
    .option('--json', 'one run a line, as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ runsDir, json }: { runsDir: string; json?: boolean }) => {
      const runs = await listRuns(runsDir);
      if (json) for (const run of runs) terminal.out(JSON.stringify(run));
      else
        terminal.out(runs.length > 0 ? runTable(runs) : `no runs in ${runsDir} yet: pipeline run makes one`);
    });
  const compare = new Command('compare')
    .description('settings that differ, and losses side by side')
    .argument('<a>', 'run folder, or `latest`')
    .argument('<b>', 'run folder, or `latest`')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (a: string, b: string, { json }: { json?: boolean }) => {
      const [first, second] = [await requireRun(a), await requireRun(b)];
      const comparison = await compareRuns(first, second);
      if (json) {
        terminal.out(JSON.stringify({ a: first, b: second, ...comparison }));
        return;
      }
      terminal.out(`A  ${displayPath(first)}\nB  ${displayPath(second)}\n`);
      const { differences, curves, firstDifferentStep } = comparison;
      const differing = differences.filter(({ key }) => key !== 'outputDir');
      terminal.out(
        differing.length === 0
          ? 'the same settings'
          : table(
              [{ title: 'setting' }, { title: 'A' }, { title: 'B' }],
              differing.map(({ key, a: ofA, b: ofB }) => [key, show(ofA), show(ofB)]),
              dimHead,
            ),
      );
      terminal.out('');
      terminal.out(lossTable(curves));
      const both = Math.min(curves.a.length, curves.b.length);
      terminal.out('');
      if (firstDifferentStep !== undefined) terminal.out(`losses differ from step ${firstDifferentStep} on`);
      else if (both > 0) terminal.out(`losses are equal in every bit over ${both} steps`);
    });
  return command.addCommand(list, { isDefault: true }).addCommand(compare);
}

function runTable(runs: readonly RunSummary[]): string {
  return table(
    [
      { title: 'run' },
      { title: 'prompt' },
      { title: 'state' },
      { title: 'step', align: 'right' },
      { title: 'loss', align: 'right' },
    ],
    runs.map(({ folder, instancePrompt, state, step, maxTrainSteps, loss }) => [
      displayPath(folder),
      truncate(instancePrompt, 32),
      state,
      `${step}/${maxTrainSteps}`,
      loss === undefined ? '' : formatLoss(loss),
    ]),
    dimHead,
  );
}

function lossTable({ a, b }: { a: readonly LossPoint[]; b: readonly LossPoint[] }): string {
  const longer = a.length >= b.length ? a : b;
  if (longer.length === 0) return 'no steps yet';
  const rows = Math.min(COMPARED_STEPS, longer.length);
  const steps = Array.from(
    { length: rows },
    (_, row) => longer[Math.round((row * (longer.length - 1)) / Math.max(1, rows - 1))]?.step ?? 0,
  );
  const lossAt = (curve: readonly LossPoint[], step: number): string => {
    const point = curve.find((candidate) => candidate.step === step);
    return point === undefined ? '' : formatLoss(point.loss);
  };
  const losses = table(
    [
      { title: 'step', align: 'right' },
      { title: 'loss A', align: 'right' },
      { title: 'loss B', align: 'right' },
    ],
    steps.map((step) => [String(step), lossAt(a, step), lossAt(b, step)]),
    dimHead,
  );
  const curve = (points: readonly LossPoint[]): string =>
    colours.cyan(
      sparkline(
        points.map(({ loss }) => loss),
        CURVE_WIDTH,
      ),
    );
  return `${losses}\n\nA  ${curve(a)}\nB  ${curve(b)}`;
}

function dimHead(text: string, _column: number, isHead: boolean): string {
  return isHead ? colours.dim(text) : text;
}

function show(value: unknown): string {
  if (value === undefined) return '–';
  return truncate(typeof value === 'string' ? value : JSON.stringify(value), 48);
}
