// Matrices that come along, as files: `pipeline ablate paper`.
import { paperMatrix } from '@likeness/ablation';

/** By name: the matrix, and what is laid over it by `--fast`. */
export const shippedMatrices: Readonly<Record<string, { readonly path: string; readonly fast: string }>> = {
  paper: paperMatrix,
};
