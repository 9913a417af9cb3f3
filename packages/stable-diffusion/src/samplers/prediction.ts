// The three things a network can be trained to predict, turned into each other.
// A sample is `x = alpha * x0 + sigma * epsilon`; v-prediction is `v = alpha * epsilon - sigma * x0`.
import type { PredictionType } from '../schedule/schedulerConfig.ts';

/** The clean image that the network's output stands for. */
export function predictedX0(
  predictionType: PredictionType,
  x: Float32Array,
  output: Float32Array,
  { alpha, sigma }: { alpha: number; sigma: number },
): Float32Array {
  switch (predictionType) {
    case 'epsilon':
      return combine([1 / alpha, x], [-sigma / alpha, output]);
    case 'v_prediction':
      return combine([alpha, x], [-sigma, output]);
    case 'sample':
      return output;
  }
}

/** The noise that the network's output stands for. */
export function predictedEpsilon(
  predictionType: PredictionType,
  x: Float32Array,
  output: Float32Array,
  { alpha, sigma }: { alpha: number; sigma: number },
): Float32Array {
  switch (predictionType) {
    case 'epsilon':
      return output;
    case 'v_prediction':
      return combine([alpha, output], [sigma, x]);
    case 'sample':
      return combine([1 / sigma, x], [-alpha / sigma, output]);
  }
}

/** Weighted sum of arrays of equal length: float64 inside, float32 out. */
export function combine(
  ...terms: readonly (readonly [weight: number, values: Float32Array])[]
): Float32Array {
  const sum = new Float64Array(terms[0]?.[1].length ?? 0);
  for (const [weight, values] of terms) {
    // A weight of zero takes nothing, not even from an infinite value.
    if (weight === 0) continue;
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (values[i] ?? 0);
  }
  return Float32Array.from(sum);
}
