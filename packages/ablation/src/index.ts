// The public face of ablations: matrices of cells, their results, statistics and report.
export type { CellResult, CellStatus, FactorValue } from './cellResult.ts';
