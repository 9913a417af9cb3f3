// Every error a person can cause says where, what was expected, what was got and how to cure it.
// A leaf: imported by everyone, imports nothing.

/** The four parts of a message a user can act on. Several problems found together go into `details`. */
export interface ErrorParts {
  /** File, option, stage or key the error is about. */
  readonly where?: string;
  readonly expected?: string;
  readonly got?: string;
  /** What to type or change. */
  readonly cure?: string;
  /** Every single mismatch, when there are several: nobody should have to run again to see the second one. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** Base of all errors that are the user's to mend; anything else that is thrown is a bug of ours. */
export class LikenessError extends Error {
  readonly parts: ErrorParts;

  constructor(summary: string, parts: ErrorParts = {}) {
    super(formatMessage(summary, parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.parts = parts;
  }
}

function formatMessage(summary: string, { where, expected, got, cure, details = [] }: ErrorParts): string {
  const lines = [
    where === undefined ? summary : `${where}: ${summary}`,
    ...details.map((line) => `  - ${line}`),
  ];
  if (expected !== undefined) lines.push(`  expected: ${expected}`);
  if (got !== undefined) lines.push(`  got: ${got}`);
  if (cure !== undefined) lines.push(`  cure: ${cure}`);
  return lines.join('\n');
}

/** A configuration key, flag or combination that cannot work. */
export class ConfigError extends LikenessError {}
/** Pictures, captions or folders that cannot be used. */
export class DataError extends LikenessError {}
/** A plugin that breaks its contract, or a recipe whose plugins do not fit together. */
export class PluginError extends LikenessError {}
/** A weights file or model folder that is damaged, incomplete or of another architecture. */
export class WeightsError extends LikenessError {}
/** Tensors whose shapes do not fit. */
export class ShapeError extends LikenessError {}
/** TensorFlow: set-up, tracing, compiling, running. */
export class EngineError extends LikenessError {}
