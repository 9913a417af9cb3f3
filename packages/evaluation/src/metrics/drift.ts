// What else did training change? Pictures of prompts that have nothing to do with the subject, from the tuned model and
// from its base with the same seeds: without drift they would be the same pictures. For any method.
import { select, type Evidence, type PictureRecord, type PictureSet } from '../records/record.ts';
import { drift as driftOf, mean } from './cosine.ts';
import { defineMetric, type Metric, type MetricValue } from './metric.ts';

/** `(1 - cos) / 2` of pairs with the same prompt and seed; pictures without a partner are left out. */
function pairedDrift(evidence: Evidence, set: PictureSet): MetricValue {
  const keyOf = ({ prompt, seed }: PictureRecord): string => JSON.stringify([prompt, seed]);
  const before = new Map(select(evidence, set, 'base').map((record) => [keyOf(record), record]));
  const perPicture = new Map(
    select(evidence, set).flatMap((record) => {
      const [after, base] = [record.features.dino, before.get(keyOf(record))?.features.dino];
      return after && base ? [[record, driftOf(base, after)] as const] : [];
    }),
  );
  return { value: mean([...perPicture.values()]), perPicture };
}

export const drift: Metric = defineMetric({
  name: 'drift',
  description: 'unrelated prompts: tuned against base model, same seeds, (1 - cosine of DINO) / 2',
  better: 'lower',
  needs: ['dino'],
  compute: (evidence) => pairedDrift(evidence, 'unrelated'),
});

/** The paper's language drift, seen from the other side than PRES: any change of the class, not only towards the subject. */
export const classDrift: Metric = defineMetric({
  name: 'classDrift',
  description: 'the class prompt: tuned against base model, same seeds, (1 - cosine of DINO) / 2',
  better: 'lower',
  needs: ['dino'],
  compute: (evidence) => pairedDrift(evidence, 'class'),
});
