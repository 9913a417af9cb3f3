// What became of the class? PRES: how far pictures of the class have turned into the subject; DIV: how different pictures
// of one prompt still are; and whether a classifier still sees the class. Ruiz et al. 2022, section 4.3 and supplement.
import { byPrompt, featuresOf, select, type Evidence, type PictureRecord } from '../records/record.ts';
import { featureDistances, mean, meanOfMeans, meanPairwiseCosine } from './cosine.ts';
import { defineMetric, type Metric, type MetricValue } from './metric.ts';

export const pres: Metric = defineMetric({
  name: 'pres',
  description:
    'pictures of the class against the instance pictures, DINO: high when the class became the subject',
  better: 'lower',
  needs: ['dino'],
  compute: (evidence) =>
    meanPairwiseCosine(
      featuresOf(select(evidence, 'class'), 'dino'),
      featuresOf(select(evidence, 'reference'), 'dino'),
    ),
});

/** Mean over prompts of the mean over pairs of pictures; a prompt with one picture has none. */
function diversity(
  evidence: Evidence,
  pairsOf: (records: readonly PictureRecord[]) => readonly number[],
): MetricValue {
  const pairs = [...byPrompt(select(evidence, 'subject'))].map(
    ([prompt, records]) => [prompt, pairsOf(records)] as const,
  );
  const measured = pairs.filter(([, distances]) => distances.length > 0);
  return {
    value: meanOfMeans(measured.map(([, distances]) => distances)),
    perPrompt: new Map(measured.map(([prompt, distances]) => [prompt, mean(distances)])),
  };
}

export const div: Metric = defineMetric({
  name: 'div',
  description: 'pictures of one prompt against each other, LPIPS',
  better: 'higher',
  needs: ['lpips'],
  compute: (evidence) => diversity(evidence, (records) => records.flatMap(({ distances = [] }) => distances)),
});

/** The same in feature space, for where there is no LPIPS; not comparable with it. */
export const divFeatures: Metric = defineMetric({
  name: 'divFeatures',
  description: 'pictures of one prompt against each other, 1 - cosine of DINO',
  better: 'higher',
  needs: ['dino'],
  compute: (evidence) => diversity(evidence, (records) => featureDistances(featuresOf(records, 'dino'))),
});

/** Share of pictures of the class in which the classifier sees the class first. */
export const classAccuracy: Metric = defineMetric({
  name: 'classAccuracy',
  description: 'share of pictures of the class that a classifier calls so',
  better: 'higher',
  needs: ['classifier'],
  compute: (evidence) => {
    const wanted = evidence.judges.classifier?.classes?.indexOf(evidence.classNoun ?? '') ?? -1;
    if (wanted < 0) return undefined;
    const perPicture = new Map(
      select(evidence, 'class').flatMap((record) => {
        const probabilities = record.features.classifier;
        if (probabilities === undefined) return [];
        return [[record, probabilities.indexOf(Math.max(...probabilities)) === wanted ? 1 : 0] as const];
      }),
    );
    return { value: mean([...perPicture.values()]), perPicture };
  },
});
