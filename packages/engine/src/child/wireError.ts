// Errors on their way from the engine process to its parent: class, code and parts arrive as they were thrown.
import {
  ConfigError,
  DataError,
  EngineError,
  FileError,
  LikenessError,
  PluginError,
  ShapeError,
  WeightsError,
  type ErrorParts,
} from '../errors.ts';
import { asFileError } from '../fileErrors.ts';

const CLASSES = {
  ConfigError,
  DataError,
  EngineError,
  FileError,
  PluginError,
  ShapeError,
  WeightsError,
} as const;
type ClassName = keyof typeof CLASSES;

/** Plain data, as a pipe between processes takes it. */
export type WireError =
  | {
      readonly kind: ClassName;
      readonly summary: string;
      readonly parts: Omit<ErrorParts, 'cause' | 'cure'>;
    }
  /** What TensorFlow or Node threw: no error of ours. */
  | { readonly message: string };

/** What the file system refused becomes a FileError with its path. */
export function toWire(thrown: unknown): WireError {
  const error = asFileError(thrown);
  if (!(error instanceof LikenessError))
    return { message: error instanceof Error ? error.message : String(error) };
  const { name, summary, code, where, expected, got, hint, details } = error;
  const kind = isClassName(name) ? name : 'EngineError';
  return { kind, summary, parts: { code, where, expected, got, hint, details } };
}

/** @param method what was asked for: where an error of TensorFlow's came up */
export function fromWire(error: WireError, method: string): LikenessError {
  if ('message' in error) return new EngineError(error.message, { code: 'engine/failed', where: method });
  return new CLASSES[error.kind](error.summary, error.parts);
}

const isClassName = (name: string): name is ClassName => Object.hasOwn(CLASSES, name);
