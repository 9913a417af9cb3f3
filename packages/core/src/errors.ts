// The error classes, handed on so that plugins import from core alone.
export {
  ConfigError,
  DataError,
  EngineError,
  LikenessError,
  PluginError,
  ShapeError,
  WeightsError,
} from '@likeness/engine';
export type { ErrorParts } from '@likeness/engine';
