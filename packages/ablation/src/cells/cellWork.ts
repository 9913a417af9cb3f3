// What a cell is to whoever runs it, and what the matrix asks of whoever knows models and methods: the command hands
// that in, tests hand in a tiny model.
import type { PipelineEvent, ResolvedConfig, Warning } from '@likeness/core';
import type { Measures } from '@likeness/evaluation';

/** Everything that decides a cell, as JSON: what travels to a worker. */
export interface CellRequest {
  /** Settings of a run, as a config file holds them. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Settings of the evaluation. */
  readonly evaluation: Readonly<Record<string, unknown>>;
  /** Pictures of the subject that fidelity is measured against. */
  readonly reference: readonly string[];
}

/** A request whose names are looked up. */
export interface PreparedCell {
  /** sha256 over everything that can change a bit of the result; see `cellId`. */
  readonly id: string;
  readonly config: ResolvedConfig;
  readonly request: CellRequest;
  /** What the id is made of. */
  readonly parts: Readonly<Record<string, unknown>>;
  readonly warnings: readonly Warning[];
  /** What it takes from a cache and others may take as well: kind → names of things, equal names being one thing. */
  readonly uses: Readonly<Record<string, readonly string[]>>;
}

/** Where a cell is worked on. */
export interface CellPlace {
  /** The run's folder: of this cell alone, kept until its result is whole; a killed cell goes on from it. */
  readonly runFolder: string;
  /** Files that are part of the result are written here. */
  readonly resultFolder: string;
  readonly cacheDir: string | undefined;
  readonly signal: AbortSignal;
  readonly emit: (event: PipelineEvent) => void;
}

/** The result of a cell: holds no time and no place, so equal cells give equal bytes. */
export interface CellOutcome {
  readonly measures: Measures;
  /** Relative to the result's folder. */
  readonly samples: readonly { readonly path: string; readonly prompt: string; readonly seed: number }[];
  /** sha256 of exported files by name: `pipeline run --from` proves equality with them. */
  readonly exports: Readonly<Record<string, string>>;
  /** Encoders that judged, with the hash of their weights. */
  readonly judges: Readonly<Record<string, string>>;
}

/** What a run took, beside the result. */
export interface CellTiming {
  readonly seconds: number;
  /** Of a training step, in the middle of them. */
  readonly secondsPerStep?: number;
  readonly steps?: number;
  readonly peakMemoryBytes?: number;
}

export interface CellWork {
  /**
   * Looks up names, loads the model's facts and checks everything, as `pipeline run --dry-run` does.
   * @throws LikenessError with the reason why it cannot run
   */
  prepare(request: CellRequest): Promise<PreparedCell>;
  /**
   * Trains, evaluates and collects. Goes on from what `runFolder` holds.
   * @throws the signal's reason when stopped; LikenessError when it cannot be done
   */
  run(cell: PreparedCell, place: CellPlace): Promise<{ outcome: CellOutcome; timing: CellTiming }>;
}
