// Copies instead of the subject: a picture that is nearer to one instance picture than any two instance pictures are to
// each other shows that picture again, its background and pose with it. No threshold has to be chosen.
import { featuresOf, select, type Evidence } from '../records/record.ts';
import { cosine, mean } from './cosine.ts';
import { defineMetric, type Metric } from './metric.ts';

/** Cosines of all pairs of instance pictures. */
export function referenceCosines(evidence: Evidence): number[] {
  const references = featuresOf(select(evidence, 'reference'), 'dino');
  return references.flatMap((feature, i) =>
    references.slice(0, i).map((earlier) => cosine(earlier, feature)),
  );
}

export const memorised: Metric = defineMetric({
  name: 'memorised',
  description:
    'share of pictures of the subject nearer to one instance picture than these are to each other, DINO',
  better: 'lower',
  needs: ['dino'],
  compute: (evidence) => {
    const among = referenceCosines(evidence);
    if (among.length === 0) return undefined;
    const nearest = Math.max(...among);
    const references = featuresOf(select(evidence, 'reference'), 'dino');
    const perPicture = new Map(
      select(evidence, 'subject').flatMap((record) => {
        const feature = record.features.dino;
        if (feature === undefined) return [];
        const closest = Math.max(...references.map((reference) => cosine(reference, feature)));
        return [[record, closest > nearest ? 1 : 0] as const];
      }),
    );
    return { value: mean([...perPicture.values()]), perPicture };
  },
});
