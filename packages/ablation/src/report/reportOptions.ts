// What a report is made from. Nothing of it is a clock time, and paths are relative: equal matrices give equal bytes.
import type { CellResult, FactorValue } from '../cellResult.ts';
import type { Better } from '../statistics/wording.ts';

/** A metric as the report shows it; a `Metric` of the evaluation is one. */
export interface MetricFacts {
  readonly name: string;
  readonly description: string;
  readonly better: Better;
  /** A property of what was trained: shown, never tested. Default: where no group's cells differ. */
  readonly isFact?: boolean;
}

/** What stands in every file, so that a number can be traced and made again. */
export interface ReportMeta {
  readonly title: string;
  /** What was asked, in a sentence. */
  readonly question?: string;
  /** Hash of the matrix's resolved configuration. */
  readonly configHash: string;
  /** Name → version: Likeness, TensorFlow, Node, … */
  readonly versions: Readonly<Record<string, string>>;
  /** Name → hash: the base model, and what else was loaded. */
  readonly weights: Readonly<Record<string, string>>;
  /** Encoders that spoke → hash of their weights. */
  readonly judges: Readonly<Record<string, string>>;
  /** Settings all cells share, for the reader. */
  readonly settings?: Readonly<Record<string, FactorValue>>;
}

/** A number somebody published, to stand beside ours. */
export interface PublishedNumber {
  readonly source: string;
  /** Factors of the group it belongs to. */
  readonly where: Readonly<Record<string, FactorValue>>;
  readonly measures: Readonly<Record<string, number>>;
}

export interface ReportOptions {
  readonly cells: readonly CellResult[];
  /**
   * Factors the others are compared with. Those it does not name are kept: with `{ method: 'dreambooth' }` LoRA without a
   * class noun is compared with DreamBooth without one.
   */
  readonly baseline: Readonly<Record<string, FactorValue>>;
  /** In the order of tables. Measures that are not listed follow, without a good side. */
  readonly metrics: readonly MetricFacts[];
  /** Names of the measures to report; default: all there are. */
  readonly show?: readonly string[];
  readonly meta: ReportMeta;
  readonly published?: readonly PublishedNumber[];
  /** Of the resampling. */
  readonly seed?: number;
  readonly resamples?: number;
  readonly alpha?: number;
}

/** What a cell took; stands in files of its own, since equal cells take different times. */
export interface CellTimes {
  readonly seconds: number;
  readonly secondsPerStep?: number;
  readonly peakMemoryBytes?: number;
}
