// How large a difference would have had to be to be found, and what one more seed or subject would make detectable: that
// nothing was found is worth no more than that.
import { detectableErrors } from './power.ts';
import { errorFactor, pooledDeviation } from './strata.ts';
import { mean, standardDeviation } from './summary.ts';

/** In the metric's unit, for the test at α over the number of comparisons; NaN where the spread is not known. */
export interface Detectable {
  readonly minimumDetectable: number;
  /** With one more seed of every subject, differences varying as they do. */
  readonly detectableWithSeed: number;
  /** With one more subject that has as many seeds. */
  readonly detectableWithSubject: number;
}

export interface DetectableOptions {
  readonly unit: 'subject' | 'pair';
  readonly stratified: boolean;
  readonly power: number;
  readonly alpha: number;
  /** From so many on, subjects are the units. */
  readonly fewestSubjects: number;
}

/** @param clusters differences by subject */
export function detectable(
  clusters: readonly (readonly number[])[],
  { unit, stratified, power, alpha, fewestSubjects }: DetectableOptions,
): Detectable {
  const subjects = clusters.length;
  const sizes = clusters.map((own) => own.length);
  const usualSize = Math.max(1, Math.round(mean(sizes)));
  const within = pooledDeviation(clusters);
  const between = standardDeviation(clusters.map(mean));
  const found = (degrees: number, error: number): number =>
    detectableErrors(degrees, power, { alpha }) * error;
  const strata = (counts: readonly number[]): number =>
    found(
      counts.reduce((sum, count) => sum + count - 1, 0),
      within * Math.sqrt(errorFactor(counts)),
    );
  const asUnits = (count: number, deviation = between): number =>
    found(count - 1, deviation / Math.sqrt(count));
  const oneMore = sizes.map((size) => size + 1);
  if (unit === 'subject') {
    // A further seed takes from the spread of subjects what is the seeds' own part of it, and no more.
    const ofSeeds = (counts: readonly number[]): number =>
      within ** 2 * mean(counts.map((count) => 1 / count));
    const left = Math.max(between ** 2 - ofSeeds(sizes), 0) + ofSeeds(oneMore);
    return {
      minimumDetectable: asUnits(subjects),
      detectableWithSeed: asUnits(subjects, Math.sqrt(Math.min(between ** 2, left))),
      detectableWithSubject: asUnits(subjects + 1),
    };
  }
  const all = clusters.flat();
  return {
    minimumDetectable: stratified ? strata(sizes) : asUnits(all.length, standardDeviation(all)),
    detectableWithSeed: strata(oneMore),
    detectableWithSubject:
      subjects + 1 >= fewestSubjects ? asUnits(subjects + 1) : strata([...sizes, usualSize]),
  };
}
