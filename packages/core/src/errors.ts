// The error classes, handed on so that plugins import from core alone.
export {
  ConfigError,
  DataError,
  EngineError,
  FileError,
  LikenessError,
  PluginError,
  ShapeError,
  WeightsError,
  asFileError,
  isFileSystemError,
  parseJson,
  readJsonFile,
  withFileErrors,
} from '@likeness/engine';
export type { ErrorParts, Warning } from '@likeness/engine';
