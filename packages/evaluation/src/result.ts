// What an evaluation leaves: numbers by the metric's name, and the records they can be computed from again.

/** One number a metric, e.g. `{ 'dino': 0.61, 'clipI': 0.78, 'clipT': 0.27, 'pres': 0.31, 'div': 0.4 }`. Never a time. */
export type Measures = Readonly<Record<string, number>>;

export interface EvaluationResult {
  readonly measures: Measures;
  /** One line a picture: features, scores, prompt, seed, hash. Relative to the folder of the run. */
  readonly recordsPath: string;
  /** Encoders that spoke, with the hash of their weights. */
  readonly judges: Readonly<Record<string, string>>;
}
