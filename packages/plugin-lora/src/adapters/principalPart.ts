// PiSSA (Meng et al. 2024, arXiv 2404.02948): an adapter starts as what the weight itself does most, its largest singular
// values. Reference: peft/tuners/lora/layer.py, `pissa_init`.
import { truncatedSvd } from '../weights/svd.ts';

export interface PrincipalPart {
  /** A₀ `[rank, columns]` */
  readonly down: Float32Array;
  /** B₀ `[rows, rank]` */
  readonly up: Float32Array;
}

/**
 * `scale · B₀ A₀` is the best approximation of rank `rank`, its roots shared between both.
 * @param weight `[rows, columns]`, flat
 * @param normal so many standard normal numbers, others each time: where the search starts; the result does not depend on it
 */
export function principalPart(
  weight: Float32Array,
  rows: number,
  rank: number,
  scale: number,
  normal: (count: number) => Float32Array,
): PrincipalPart {
  const columns = weight.length / rows;
  const { values, left, right } = truncatedSvd(weight, { rows, columns }, rank, normal);
  const down = new Float32Array(rank * columns);
  const up = new Float32Array(rows * rank);
  values.forEach((value, k) => {
    const root = Math.sqrt(value / scale);
    for (let j = 0; j < columns; j++) down[k * columns + j] = root * (right[k * columns + j] as number);
    for (let i = 0; i < rows; i++) up[i * rank + k] = root * (left[k * rows + i] as number);
  });
  return { down, up };
}
