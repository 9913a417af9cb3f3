// Is it the subject? Mean cosine between pictures of the subject and its instance pictures, in DINO's and CLIP's space.
// Ruiz et al. 2022 (arXiv 2208.12242), section 4.2: DINO is the preferred one, since it keeps pictures of one class apart.
import { defineMetric, type Metric } from './metric.ts';
import { byPrompt, featuresOf, select, type Evidence } from '../records/record.ts';
import { mean, meanCosineTo } from './cosine.ts';
import type { MetricValue } from './metric.ts';

/** Every prompt counts alike; with as many pictures of each this is the mean over all pairs. */
function fidelity(evidence: Evidence, role: 'dino' | 'clip'): MetricValue {
  const references = featuresOf(select(evidence, 'reference'), role);
  const perPicture = new Map(
    select(evidence, 'subject').flatMap((record) => {
      const feature = record.features[role];
      return feature && references.length > 0 ? [[record, meanCosineTo(feature, references)] as const] : [];
    }),
  );
  const perPrompt = new Map(
    [...byPrompt([...perPicture.keys()])].map(([prompt, records]) => [
      prompt,
      mean(records.map((record) => perPicture.get(record) ?? NaN)),
    ]),
  );
  return { value: mean([...perPrompt.values()]), perPrompt, perPicture };
}

export const dino: Metric = defineMetric({
  name: 'dino',
  description: 'pictures of the subject against its instance pictures, DINO',
  better: 'higher',
  needs: ['dino'],
  compute: (evidence) => fidelity(evidence, 'dino'),
});

export const clipI: Metric = defineMetric({
  name: 'clipI',
  description: 'pictures of the subject against its instance pictures, CLIP',
  better: 'higher',
  needs: ['clip'],
  compute: (evidence) => fidelity(evidence, 'clip'),
});
