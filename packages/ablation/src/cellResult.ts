// What the matrix hands to the statistics and the report: one result a cell, times beside it.
import type { Measures } from '@likeness/evaluation';

/** A value on an axis. */
export type FactorValue = string | number | boolean | null;

export type CellStatus = 'done' | 'failed' | 'invalid' | 'pending';

/** A cell is a pure function of its configuration: this holds no clock time, no path of a machine. */
export interface CellResult {
  /** Hash of the resolved configuration: the cell's identity. */
  readonly id: string;
  readonly status: CellStatus;
  /** Axis → value, e.g. `{ method: 'lora', rank: 4 }`; subject and seed stand beside. */
  readonly factors: Readonly<Record<string, FactorValue>>;
  readonly subject: string;
  readonly seed: number;
  /** Empty unless `done`. */
  readonly measures: Measures;
  /** Why it failed or is invalid. */
  readonly reason?: string;
  /** Sample pictures, relative to the matrix's folder, for the report's grids. */
  readonly samples: readonly { readonly path: string; readonly prompt: string; readonly seed: number }[];
}
