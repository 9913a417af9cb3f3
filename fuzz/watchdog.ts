// Tells which case is stuck: a thread of its own, since a reader in an endless loop blocks every timer of its own thread.
import { Worker } from 'node:worker_threads';

export interface Watchdog {
  /** Case `number` begins. */
  at(number: number): void;
  stop(): void;
}

const THREAD = `
const { workerData: { name, shared, longestMs, end } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const now = new Int32Array(shared);
let last = -1, since = Date.now(), told = Date.now();
setInterval(() => {
  const number = Atomics.load(now, 0);
  if (number !== last) [last, since] = [number, Date.now()];
  else if (number >= 0 && Date.now() - since > longestMs) {
    writeSync(2, 'fuzz ' + name + ': case ' + number + ' takes longer than ' + longestMs / 1000 + ' s\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  if (Date.now() - told > 10_000) {
    told = Date.now();
    writeSync(2, 'fuzz ' + name + ': ' + number + ' of ' + end + ' cases\\n');
  }
}, 500);`;

/** Ends the process, and names the case, when one lasts longer than `longestMs`. */
export function startWatchdog(name: string, longestMs: number, end: number): Watchdog {
  const shared = new SharedArrayBuffer(4);
  const now = new Int32Array(shared);
  now[0] = -1;
  const worker = new Worker(THREAD, { eval: true, workerData: { name, shared, longestMs, end } });
  worker.unref();
  return {
    at: (number) => void Atomics.store(now, 0, number),
    stop: () => void worker.terminate(),
  };
}
