// Factors against each other: main effects, interactions and their analysis of variance, for any number of factors,
// balanced or not. Models are nested regressions in sum-to-zero coding.
import { Matrix, QrDecomposition } from 'ml-matrix';
import { fSurvival } from './distributions.ts';
import { mean, sum } from './summary.ts';

/** One observation: the level of each factor (from 0), and the score. */
export interface Observation {
  readonly levels: readonly number[];
  readonly y: number;
}

export interface AnovaRow {
  /** Factors of the term, ascending: `[0]` a main effect, `[0, 1]` an interaction. */
  readonly term: readonly number[];
  readonly degrees: number;
  readonly sumOfSquares: number;
  readonly f: number;
  readonly p: number;
  /** Sum of squares over itself and the residual's. */
  readonly partialEta2: number;
}

export interface Anova {
  readonly rows: readonly AnovaRow[];
  readonly residual: { readonly degrees: number; readonly sumOfSquares: number };
  /** Of the intercept; type III only. */
  readonly intercept?: AnovaRow;
}

/**
 * Analysis of variance.
 * @param type II: each term after all that do not contain it; III: each term after all others. Equal when balanced
 * @param order of the highest interaction
 */
export function anova(
  observations: readonly Observation[],
  { type = 2, order = 2 }: { readonly type?: 2 | 3; readonly order?: number } = {},
): Anova {
  const factors = observations[0]?.levels.length ?? 0;
  const counts = levelCounts(observations, factors);
  const terms = factorialTerms(factors, order);
  const fit = (fitted: readonly (readonly number[])[]): number =>
    residualSquares(observations, fitted, counts);
  const whole = [[], ...terms];
  const sumOfSquares = fit(whole);
  const degrees = observations.length - sum(whole.map((term) => termDegrees(term, counts)));
  const row = (term: readonly number[], squares: number): AnovaRow => {
    const own = termDegrees(term, counts);
    const f = squares / own / (sumOfSquares / degrees);
    return {
      term,
      degrees: own,
      sumOfSquares: squares,
      f,
      p: fSurvival(f, own, degrees),
      partialEta2: squares / (squares + sumOfSquares),
    };
  };
  const others = (term: readonly number[]): (readonly number[])[] =>
    whole.filter((other) => other !== term && (type === 3 || !contains(other, term)));
  const squaresOf = (term: readonly number[]): number => {
    const without = others(term);
    return fit(without) - (type === 3 ? sumOfSquares : fit([...without, term]));
  };
  const none = whole[0] ?? [];
  return {
    rows: terms.map((term) => row(term, squaresOf(term))),
    residual: { degrees, sumOfSquares },
    ...(type === 3 ? { intercept: row(none, squaresOf(none)) } : {}),
  };
}

/** Main effects first, then pairs, …: index lists in lexicographic order. */
export function factorialTerms(factors: number, order: number): number[][] {
  const terms: number[][] = [];
  let layer = Array.from({ length: factors }, (_, factor) => [factor]);
  for (let size = 1; size <= Math.min(order, factors); size++) {
    terms.push(...layer);
    layer = layer.flatMap((term) =>
      Array.from({ length: factors }, (_, factor) => factor)
        .filter((factor) => factor > (term.at(-1) ?? -1))
        .map((factor) => [...term, factor]),
    );
  }
  return terms;
}

export interface MarginalEffects {
  readonly grandMean: number;
  /** Mean of each combination of levels in the design, in the order of its first observation. */
  readonly cells: readonly {
    readonly levels: readonly number[];
    readonly mean: number;
    readonly n: number;
  }[];
  /** [factor][level]: mean of the cells' means (cells weigh the same); their mean of means counts cells with data. */
  readonly marginalMeans: readonly (readonly number[])[];
  /** [factor][level]: marginal mean minus grand mean. */
  readonly mainEffects: readonly (readonly number[])[];
}

/** Means by cell and by level; unweighted, so that an unbalanced design does not lean towards its fuller cells. */
export function marginalEffects(observations: readonly Observation[]): MarginalEffects {
  const byCell = new Map<string, { levels: readonly number[]; scores: number[] }>();
  for (const { levels, y } of observations) {
    const key = levels.join();
    const cell = byCell.get(key);
    if (cell === undefined) byCell.set(key, { levels, scores: [y] });
    else cell.scores.push(y);
  }
  const cells = [...byCell.values()].map(({ levels, scores }) => ({
    levels,
    mean: mean(scores),
    n: scores.length,
  }));
  const grandMean = mean(cells.map((cell) => cell.mean));
  const counts = levelCounts(observations, observations[0]?.levels.length ?? 0);
  const marginalMeans = counts.map((count, factor) =>
    Array.from({ length: count }, (_, level) =>
      mean(cells.filter(({ levels }) => levels[factor] === level).map((cell) => cell.mean)),
    ),
  );
  return {
    grandMean,
    cells,
    marginalMeans,
    mainEffects: marginalMeans.map((means) => means.map((value) => value - grandMean)),
  };
}

/**
 * What two factors do together beyond what each does: [level of a][level of b], 0 everywhere when effects add up.
 * Every combination must be there.
 */
export function interactionEffects(observations: readonly Observation[], a: number, b: number): number[][] {
  const pair = observations.map(({ levels, y }) => ({ levels: [levels[a] ?? 0, levels[b] ?? 0], y }));
  const { grandMean, cells, marginalMeans } = marginalEffects(pair);
  const [rows = [], columns = []] = marginalMeans;
  return rows.map((ofRow, row) =>
    columns.map((ofColumn, column) => {
      const cell = cells.find(({ levels }) => levels[0] === row && levels[1] === column);
      return (cell?.mean ?? Number.NaN) - ofRow - ofColumn + grandMean;
    }),
  );
}

export interface TwoLevelEffect {
  readonly term: readonly number[];
  /** Mean where the product of the factors' signs is +1, minus mean where it is -1. */
  readonly effect: number;
  readonly standardError: number;
  readonly t: number;
  readonly p: number;
}

/** Effects of a design whose factors have two levels (0 low, 1 high), by the regression with all interactions. */
export function twoLevelEffects(observations: readonly Observation[]): TwoLevelEffect[] {
  const factors = observations[0]?.levels.length ?? 0;
  const terms = factorialTerms(factors, factors);
  const sign = (term: readonly number[], { levels }: Observation): number =>
    term.reduce((product, factor) => product * (levels[factor] === 1 ? 1 : -1), 1);
  const design = new Matrix(observations.map((row) => [[], ...terms].map((term) => sign(term, row))));
  const solved = new QrDecomposition(design).solve(scores(observations));
  const residual = sum(
    Matrix.sub(design.mmul(solved), scores(observations))
      .to1DArray()
      .map((e) => e * e),
  );
  const degrees = observations.length - terms.length - 1;
  // X'X is n times the identity when every run is there equally often.
  const error = Math.sqrt(residual / degrees / observations.length);
  return terms.map((term, index) => {
    const coefficient = solved.get(index + 1, 0);
    const t = coefficient / error;
    return {
      term,
      effect: 2 * coefficient,
      standardError: 2 * error,
      t,
      p: fSurvival(t * t, 1, degrees),
    };
  });
}

function residualSquares(
  observations: readonly Observation[],
  terms: readonly (readonly number[])[],
  counts: readonly number[],
): number {
  if (terms.length === 0) return sum(observations.map(({ y }) => y * y));
  const design = new Matrix(
    observations.map(({ levels }) => terms.flatMap((term) => columns(term, levels, counts))),
  );
  const y = scores(observations);
  const fitted = design.mmul(new QrDecomposition(design).solve(y));
  return sum(
    Matrix.sub(y, fitted)
      .to1DArray()
      .map((e) => e * e),
  );
}

/** Columns of one term for one observation: products of its factors' sum-to-zero codes. */
function columns(term: readonly number[], levels: readonly number[], counts: readonly number[]): number[] {
  return term.reduce<number[]>(
    (products, factor) => {
      const count = counts[factor] ?? 1;
      const level = levels[factor] ?? 0;
      const code = Array.from({ length: count - 1 }, (_, column) =>
        level === count - 1 ? -1 : level === column ? 1 : 0,
      );
      return products.flatMap((product) => code.map((value) => product * value));
    },
    [1],
  );
}

function termDegrees(term: readonly number[], counts: readonly number[]): number {
  return term.reduce((product, factor) => product * ((counts[factor] ?? 1) - 1), 1);
}

function levelCounts(observations: readonly Observation[], factors: number): number[] {
  return Array.from(
    { length: factors },
    (_, factor) => 1 + Math.max(...observations.map(({ levels }) => levels[factor] ?? 0)),
  );
}

function contains(term: readonly number[], part: readonly number[]): boolean {
  return part.every((factor) => term.includes(factor));
}

function scores(observations: readonly Observation[]): Matrix {
  return Matrix.columnVector(observations.map(({ y }) => y));
}
