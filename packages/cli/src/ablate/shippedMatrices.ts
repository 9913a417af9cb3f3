// Matrices that come along, as files: `pipeline ablate paper`.
import { paperMatrix } from '@likeness/ablation';
import type { SHIPPED_MATRICES } from './defaults.ts';

/** By name: the matrix, and what is laid over it by `--fast`. */
export const shippedMatrices: Readonly<
  Record<(typeof SHIPPED_MATRICES)[number], { readonly path: string; readonly fast: string }>
> = {
  paper: paperMatrix,
};
