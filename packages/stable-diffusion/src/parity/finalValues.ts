// Values after training steps against the reference's. Adam divides by the gradient's own size, so where a gradient is
// nearly zero its rounding becomes a whole step: PyTorch itself, on the same folder with channels-last convolutions,
// ends 3 times beyond the folder's bound in single elements.
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';

/** Norms of final values, as the folders' note has it. */
const NORM_RTOL = 1e-4;
/** Elements of a tensor that may end elsewhere. A wrong optimizer moves nearly all of them. */
const ARBITRARY_SHARE = 0.01;

/** The folders' rule: 20 times what the reference's float32 run differs from its float64 run. */
const finalAtol = (fp32VsFp64: number): number => Math.max(1e-5, 20 * fp32VsFp64);

export const finalNormTolerance = (fp32VsFp64: number): Tolerance => ({
  atol: finalAtol(fp32VsFp64),
  rtol: NORM_RTOL,
});

export interface FinalBound {
  readonly fp32VsFp64: number;
  readonly learningRate: number;
  readonly steps: number;
}

/**
 * Elements within the folder's bound. Up to 1 in 100 may be beyond it, no further than Adam can carry two runs apart,
 * when the norms agree; the line says how many.
 */
export function compareFinalArray(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { fp32VsFp64, learningRate, steps }: FinalBound,
): Comparison {
  const atol = finalAtol(fp32VsFp64);
  const every = compareArrays(name, got, want, { atol, rtol: 0 });
  if (every.ok || got.length !== want.length) return every;
  const beyond = Array.from(want).filter((value, i) => !(Math.abs((got[i] ?? NaN) - value) <= atol)).length;
  const few = beyond <= Math.floor(ARBITRARY_SHARE * want.length);
  const near = every.maxAbs <= 2 * learningRate * steps;
  const norms = compareArrays(name, [l2Norm(got)], [l2Norm(want)], { atol: 0, rtol: NORM_RTOL });
  if (!few || !near || !norms.ok) return { ...every, note: `${beyond} of ${want.length} elements` };
  return { ...every, ok: true, note: `but for ${beyond} of ${want.length} elements; norms agree` };
}

/** NaN for what is missing: it equals nothing. */
export function l2Norm(values: ArrayLike<number> | undefined): number {
  if (values === undefined) return NaN;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? NaN) ** 2;
  return Math.sqrt(sum);
}
