// Matrices that come along, as files: `pipeline ablate paper`.
import { defaultsMatrix, paperMatrix, type ShippedMatrix } from '@likeness/ablation';
import type { SHIPPED_MATRICES } from './defaults.ts';

/** By name: the matrix, and what is laid over it by `--fast`. */
export const shippedMatrices: Readonly<Record<(typeof SHIPPED_MATRICES)[number], ShippedMatrix>> = {
  paper: paperMatrix,
  defaults: defaultsMatrix,
};
