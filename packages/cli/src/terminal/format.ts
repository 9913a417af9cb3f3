// Numbers as people read them.

/** `1.4 GB`; decimal units, as disks are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** `0.31 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Four significant digits: `0.2310`, `1.2e-5`. */
export function formatLoss(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4);
}

/** `0.0002`, `2e-6`: as one types it. */
export function formatRate(rate: number): string {
  return rate !== 0 && rate < 1e-4
    ? rate.toExponential().replace('.0', '')
    : String(Number(rate.toPrecision(3)));
}

/** `93.1 %` of a share 0 … 1; what is not all is never called 100 %. */
export function formatPercent(share: number): string {
  const shown = (100 * share).toFixed(1);
  if (shown !== '100.0') return `${shown} %`;
  return share > 1 - 1e-9 ? '100 %' : `${Math.floor(1e6 * share) / 1e4} %`;
}

/** `1 picture`, `5 pictures`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Cuts text to a width, with an ellipsis where something is missing. */
export function truncate(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

let shownFrom: string | undefined;

/** Paths are shown from here though the command works elsewhere; undefined: from where it works. */
export function showPathsFrom(folder: string | undefined): void {
  shownFrom = folder;
}

export const pathsShownFrom = (): string => shownFrom ?? process.cwd();

/** A path as it would be typed here, when that is shorter. */
export function displayPath(path: string, cwd: string = pathsShownFrom()): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}
