// Whether one more cell fits beside those that run: their measured peak against the memory that is free.
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';

export interface MemoryBudget {
  /** Whether another cell fits beside those that run, given what each takes now: 0 where nobody knows yet. */
  hasRoom(runningBytes: readonly number[]): boolean;
  measured(peakBytes: number): void;
  readonly peakBytes: number | undefined;
}

/** A worker's own process beside its engine: Node, traced graphs, pictures. */
const BESIDE_ENGINE_BYTES = 350e6;
/** Left to everything else. */
const RESERVE_BYTES = 500e6;

/**
 * Until a first cell has been measured, or told, only one runs.
 * @param known peak of a cell's engine, of an earlier time
 * @param availableBytes what the machine, or the container, can still give
 */
export function memoryBudget(known?: number, availableBytes: () => number = availableMemory): MemoryBudget {
  let peak = known ?? 0;
  return {
    hasRoom: (runningBytes) => {
      if (runningBytes.length === 0) return true;
      if (peak === 0) return false;
      // Those that run may still grow to the peak.
      const owed = runningBytes.reduce((sum, now) => sum + Math.max(0, peak + BESIDE_ENGINE_BYTES - now), 0);
      return availableBytes() - owed > peak + BESIDE_ENGINE_BYTES + RESERVE_BYTES;
    },
    measured: (bytes) => {
      peak = Math.max(peak, bytes);
    },
    get peakBytes() {
      return peak === 0 ? undefined : peak;
    },
  };
}

/** Bytes that programs can still get: what the kernel says, and what a container's limit leaves. */
export function availableMemory(): number {
  const machine = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo'))?.[1];
  const free = machine === undefined ? freemem() : Number(machine) * 1024;
  const limit = Number(read('/sys/fs/cgroup/memory.max'));
  const used = Number(read('/sys/fs/cgroup/memory.current'));
  return limit > 0 && Number.isFinite(limit - used) ? Math.min(free, limit - used) : free;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
