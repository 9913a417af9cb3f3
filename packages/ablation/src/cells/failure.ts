// Why a cell failed, and whether trying again can help: a cell is a pure function, so what follows from its settings
// would fail again, while a killed process or a full disk would not.
import { ConfigError, LikenessError, PluginError, ShapeError, WeightsError } from '@likeness/core';

export interface Failure {
  /** Without paths of a machine. */
  readonly reason: string;
  /** The same would happen again. */
  readonly isFinal: boolean;
}

/** @param places folders whose names are taken out of the reason */
export function failureOf(error: unknown, places: readonly string[] = []): Failure {
  const isFinal =
    (error instanceof LikenessError && error.code === 'run/diverged') ||
    [ConfigError, PluginError, ShapeError, WeightsError].some((kind) => error instanceof kind);
  return { reason: withoutPlaces(reasonOf(error), places), isFinal };
}

/** Something outside the cell ended it: a killed worker, a lost machine. */
export const interruption = (reason: string): Failure => ({ reason, isFinal: false });

/** In one line, without the hint: that is for whoever types the command, not for a table. */
function reasonOf(error: unknown): string {
  if (!(error instanceof LikenessError))
    return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
  const { summary, where, details, expected, got } = error;
  return [
    where === undefined ? summary : `${where}: ${summary}`,
    ...details,
    ...(expected === undefined ? [] : [`expected: ${expected}`]),
    ...(got === undefined ? [] : [`got: ${got}`]),
  ].join('; ');
}

function withoutPlaces(text: string, places: readonly string[]): string {
  return places
    .filter((place) => place !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((told, place) => told.replaceAll(place, '…'), text);
}
