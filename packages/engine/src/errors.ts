// Every error a person can cause has a code, and says where, what was expected, what was got and how to mend it.
// A leaf: imported by everyone, imports nothing.

/** The parts of a message a user can act on. Several problems found together go into `details`. */
export interface ErrorParts {
  /**
   * The kind of fault, for programs: `area/what`. Ours are listed in docs/errors.md; a plugin's own are `NAME/what`.
   * Default: `plugin/error`, for plugins that have none.
   */
  readonly code?: string;
  /** File, option, stage or key the error is about. */
  readonly where?: string | undefined;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  /** What to type or change. */
  readonly hint?: string | undefined;
  /** The old name of `hint`: plugins may say it for one more version. */
  readonly cure?: string | undefined;
  /** Every single mismatch, when there are several: nobody should have to run again to see the second one. */
  readonly details?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** Base of all errors that are the user's to mend; anything else that is thrown is a bug of ours. */
export class LikenessError extends Error {
  readonly code: string;
  /** What is wrong, without the parts beside it; `message` is all of it. */
  readonly summary: string;
  readonly where: string | undefined;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(summary: string, parts: ErrorParts = {}) {
    super(formatMessage(summary, parts), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = parts.code ?? 'plugin/error';
    this.summary = summary;
    this.where = parts.where;
    this.expected = parts.expected;
    this.got = parts.got;
    this.hint = hintOf(parts);
    this.details = parts.details ?? [];
  }

  /** What a line of JSON says of it. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { code, summary, where, details, expected, got, hint } = this;
    return { code, summary, where, ...(details.length > 0 ? { details } : {}), expected, got, hint };
  }
}

const hintOf = ({ hint, cure }: ErrorParts): string | undefined => hint ?? cure;

function formatMessage(summary: string, parts: ErrorParts): string {
  const { where, expected, got, details = [] } = parts;
  const hint = hintOf(parts);
  const lines = [
    where === undefined ? summary : `${where}: ${summary}`,
    ...details.map((line) => `  - ${line}`),
  ];
  if (expected !== undefined) lines.push(`  expected: ${expected}`);
  if (got !== undefined) lines.push(`  got: ${got}`);
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
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
/** The file system refused: no room, no permission, no such folder. */
export class FileError extends LikenessError {}

/** Something a person should know though it stops nothing. */
export interface Warning {
  /** The kind of warning, as an error's code. */
  readonly code: string;
  readonly text: string;
}
