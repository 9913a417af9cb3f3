// What `--dry-run` shows: the resolved settings and an estimate.
import { portableConfig } from '@likeness/core';
import type { PreparedRun } from '../run/prepareRun.ts';
import type { RunEstimate } from '../run/estimate.ts';
import { warningLine } from '../progress/reporters.ts';
import { formatBytes, formatSeconds } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

export function tellPlan(
  { config, warnings }: PreparedRun,
  estimate: RunEstimate,
  asJson: boolean,
  { out, err }: Terminal,
): void {
  if (asJson) {
    out(JSON.stringify({ config, estimate, warnings }));
    return;
  }
  for (const warning of warnings) err(warningLine(warning));
  for (const [key, value] of Object.entries({
    ...portableConfig(config),
    instanceDataDir: config.instanceDataDir,
  })) {
    if (key === 'pluginOptions' || key === 'prompts') continue;
    out(`${key.padEnd(27)} ${show(value)}`);
  }
  for (const [name, options] of Object.entries(config.pluginOptions)) {
    for (const [key, value] of Object.entries(options)) out(`${`${name}.${key}`.padEnd(27)} ${show(value)}`);
  }
  out('');
  out(
    colours.bold(
      'Estimate, from parameter counts, layer shapes and this machine’s speed: it may be half or double',
    ),
  );
  const rows: [string, string][] = [
    ['parameters', `${millions(estimate.parameters)}, ${millions(estimate.trainedParameters)} of them train`],
    [
      'time',
      `${formatSeconds(estimate.seconds)}: ${formatSeconds(estimate.secondsPerStep)} a step${estimate.priorSeconds > 0 ? `, ${formatSeconds(estimate.priorSeconds)} for class pictures` : ''}`,
    ],
    ['memory', `${formatBytes(estimate.memoryBytes)} of ${formatBytes(estimate.machineMemoryBytes)}`],
    [
      'disk',
      `${formatBytes(estimate.diskBytes)}: ${estimate.checkpoints} checkpoints of ${formatBytes(estimate.checkpointBytes)}, export ${formatBytes(estimate.exportBytes)}`,
    ],
  ];
  for (const [name, value] of rows) out(`${name.padEnd(27)} ${value}`);
  if (estimate.memoryBytes > estimate.machineMemoryBytes) {
    err(
      warningLine({
        code: 'run/little-memory',
        text: 'this machine may have too little memory: --gradient-checkpointing, a smaller --train-batch-size or --resolution need less',
      }),
    );
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function millions(parameters: number): string {
  return `${(parameters / 1e6).toFixed(parameters < 1e8 ? 1 : 0)} M`;
}
