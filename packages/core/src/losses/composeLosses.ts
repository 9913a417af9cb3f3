// Loss composition: each term's mean, times its weight, summed up - as in the DreamBooth paper (eq. 2),
// mean(instance) + λ · mean(prior). A mean over the mixed batch would make λ mean something else.
import { ShapeError, tf, type Scalar, type Tensor } from '@likeness/engine';
import type { LossTerm, LossView } from '../contracts.ts';

export interface ComposedLoss {
  readonly total: Scalar;
  /** Mean of every term before its weight. */
  readonly terms: ReadonlyMap<string, Tensor>;
}

/** @throws ShapeError when a term does not give one loss per picture */
export function composeLosses(lossTerms: readonly LossTerm[], view: LossView): ComposedLoss {
  const terms = new Map<string, Tensor>();
  let total: Tensor | undefined;
  for (const { name, weight, compute } of lossTerms) {
    const perItem = compute(view);
    if (perItem.rank !== 1) {
      throw new ShapeError('a loss term does not give one loss per picture', {
        code: 'plugin/loss-shape',
        where: `loss term ${name}`,
        expected: '[B]',
        got: `[${perItem.shape}]`,
        hint: 'average over everything but the first axis; the composer takes the mean over the batch',
      });
    }
    const mean = tf.mean(perItem);
    terms.set(name, mean);
    const weighted = weight === 1 ? mean : tf.mul(mean, weight);
    total = total ? tf.add(total, weighted) : weighted;
  }
  if (total === undefined) throw new ShapeError('a run has no loss term', { code: 'plugin/no-loss' });
  return { total: total as Scalar, terms };
}
