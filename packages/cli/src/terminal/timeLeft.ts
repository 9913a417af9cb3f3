// How long something will still take, from how long it has taken.
import { formatSeconds } from './format.ts';

/** Until then an estimate would jump about, and nobody has begun to wait. */
const PATIENCE_SECONDS = 2;

/** @returns tells, at any time, what is left: `, 12 s left`; nothing at first */
export function timeLeft(
  now: () => number = () => performance.now(),
): (done: number, total: number) => string {
  const start = now();
  return (done, total) => {
    const spent = (now() - start) / 1000;
    if (done <= 0 || done >= total || spent < PATIENCE_SECONDS) return '';
    return `, ${formatSeconds((spent * (total - done)) / done)} left`;
  };
}
