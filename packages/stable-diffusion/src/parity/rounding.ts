import type { Tolerance } from './comparison.ts';

/**
 * Two float32 runs that add in different order are each as far from the exact result as the reference's float32 run is
 * from its float64 run, somewhere: the largest difference between them is a small multiple of that. The fixtures call
 * 20 times a bug; 8 leaves room for other processors.
 */
const ROUNDING_MARGIN = 8;

/** A tolerance that is never below what rounding alone explains. */
export function withRounding(tolerance: Tolerance, fp32VsFp64: number | undefined): Tolerance {
  return { ...tolerance, atol: Math.max(tolerance.atol, ROUNDING_MARGIN * (fp32VsFp64 ?? 0)) };
}
