// A cell's measures, and the pictures its report shows.
import type { CellOutcome, CellPlace, PreparedCell } from '@likeness/ablation';
import { lossCurve, readEvents, type ResolvedConfig } from '@likeness/core';

/** Losses of so many last steps are averaged: a single one is noise. */
const LAST_STEPS = 10;

export async function evaluateCell(
  _cell: PreparedCell,
  _config: ResolvedConfig,
  { runFolder }: CellPlace,
): Promise<Omit<CellOutcome, 'exports'>> {
  const losses = lossCurve(readEvents(runFolder)).slice(-LAST_STEPS);
  const loss = losses.reduce((sum, point) => sum + point.loss, 0) / Math.max(1, losses.length);
  return { measures: { trainingLoss: loss }, samples: [], judges: {} };
}
