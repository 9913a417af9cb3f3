// Repeated measures: every subject went through every combination of levels. Subjects are the blocks, so what differs
// between them does not hide what the factors do (statsmodels' AnovaRM).
import { fSurvival } from './distributions.ts';
import { factorialTerms } from './factorial.ts';
import { groupBy, mean, sum } from './summary.ts';

/** The one score (or mean) of a block in a combination of levels. */
export interface RepeatedMeasure {
  /** The block: a subject, or with strata one seed of a subject. */
  readonly subject: string | number;
  /** What several blocks belong to: their subject. */
  readonly stratum?: string | number;
  readonly levels: readonly number[];
  readonly y: number;
}

export interface WithinRow {
  readonly term: readonly number[];
  readonly degrees: number;
  /** Of the term's own error: how much it differs between blocks, or between those of a stratum. */
  readonly errorDegrees: number;
  readonly f: number;
  readonly p: number;
  readonly partialEta2: number;
}

/**
 * With strata, what a term differs by between them is no error but an effect of its own: conclusions hold for them.
 * @param measures each block in each combination exactly once, as many blocks in every stratum
 * @throws RangeError when a combination is missing or there twice, or strata differ in size
 */
export function withinSubjectsAnova(measures: readonly RepeatedMeasure[], order = 2): WithinRow[] {
  const factors = measures[0]?.levels.length ?? 0;
  const subjects = [...new Set(measures.map(({ subject }) => subject))];
  const counts = Array.from(
    { length: factors },
    (_, factor) => new Set(measures.map(({ levels }) => levels[factor])).size,
  );
  const cells = new Set(measures.map(({ subject, levels }) => `${subject}:${levels.join()}`));
  const expected = counts.reduce((product, count) => product * count, subjects.length);
  if (cells.size !== measures.length || cells.size !== expected) {
    throw new RangeError(`${measures.length} measures do not fill a design of ${expected} combinations once`);
  }
  const strata = [...new Set(measures.map(({ stratum }) => stratum))];
  const sizes = strata.map((one) => measures.filter(({ stratum }) => stratum === one).length);
  if (sizes.some((size) => size !== sizes[0])) throw new RangeError('strata of different sizes');
  // Block and stratum are further factors; squares of a term are what its means add to those of its parts.
  const coded = measures.map(({ subject, stratum, levels, y }) => ({
    levels: [...levels, subjects.indexOf(subject), strata.indexOf(stratum)],
    y,
  }));
  const ofStrata = (term: readonly number[]): number =>
    strata.length > 1 ? squares([...term, factors + 1]) : 0;
  const squares = effectSquares(coded);
  return factorialTerms(factors, order).map((term) => {
    const degrees = term.reduce((product, factor) => product * ((counts[factor] ?? 1) - 1), 1);
    const errorDegrees = degrees * (subjects.length - strata.length);
    // A block lies within its stratum, so its squares hold those of the stratum.
    const [own, error] = [squares(term), squares([...term, factors]) - ofStrata(term)];
    const f = own / degrees / (error / errorDegrees);
    return {
      term,
      degrees,
      errorDegrees,
      f,
      p: fSurvival(f, degrees, errorDegrees),
      partialEta2: own / (own + error),
    };
  });
}

/** Sum of squares of a term in a balanced design: squared effects over all measures. */
function effectSquares(
  measures: readonly { readonly levels: readonly number[]; readonly y: number }[],
): (term: readonly number[]) => number {
  const effects = (term: readonly number[]): number[] => {
    const keys = measures.map(({ levels }) => term.map((factor) => levels[factor]).join());
    const means = new Map(
      groupBy(
        measures.map((measure, index) => ({ y: measure.y, key: keys[index] ?? '' })),
        keys,
      ).map((group) => [group[0]?.key ?? '', mean(group.map(({ y }) => y))]),
    );
    const parts = properSubsets(term).map(effects);
    return keys.map((key, index) => (means.get(key) ?? 0) - sum(parts.map((part) => part[index] ?? 0)));
  };
  return (term) => sum(effects(term).map((effect) => effect ** 2));
}

function properSubsets(term: readonly number[]): number[][] {
  return Array.from({ length: 2 ** term.length - 1 }, (_, bits) =>
    term.filter((__, position) => (bits >> position) & 1),
  );
}
