// Why a cell failed, and whether trying again can help: a cell is a pure function, so what follows from its settings
// would fail again, while a killed process or a full disk would not.
import {
  ConfigError,
  DataError,
  EngineError,
  LikenessError,
  PluginError,
  ShapeError,
  WeightsError,
} from '@likeness/core';

export interface Failure {
  /** Without paths of a machine. */
  readonly reason: string;
  /** The same would happen again. */
  readonly isFinal: boolean;
}

/** How core tells of a loss that is not finite. */
const DIVERGED = /training has diverged/;

/** @param places folders whose names are taken out of the reason */
export function failureOf(error: unknown, places: readonly string[] = []): Failure {
  const isFinal =
    error instanceof EngineError
      ? DIVERGED.test(error.message)
      : [ConfigError, PluginError, ShapeError, WeightsError].some((kind) => error instanceof kind);
  const text = error instanceof Error ? error.message : String(error);
  const told = error instanceof LikenessError || isFinal ? text : text.split('\n')[0];
  return { reason: withoutPlaces(told ?? '', places), isFinal: isFinal && !(error instanceof DataError) };
}

/** Something outside the cell ended it: a killed worker, a lost machine. */
export const interruption = (reason: string): Failure => ({ reason, isFinal: false });

function withoutPlaces(text: string, places: readonly string[]): string {
  const lines = text.split('\n').filter((line) => !/^\s*(- the last good checkpoint is|hint:)/.test(line));
  const joined = lines.map((line) => line.trim()).join('; ');
  return places
    .filter((place) => place !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((told, place) => told.replaceAll(place, '…'), joined);
}
