// Fuzzing of readers: what comes from outside is mutated with the seeded generator and handed to whatever reads it. A
// case passes when the reader succeeds or throws a LikenessError, which a person can act on; any other error, a case
// that takes too long, and memory that grows without end are failures. Cases are numbered: the same seed and number
// give the same input again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LikenessError } from '../packages/engine/src/errors.ts';
import { createRng, type RandomStream } from '../packages/engine/src/random/index.ts';
import { startWatchdog } from './watchdog.ts';

export interface FuzzTarget {
  /** What is read, in a few words. */
  readonly about: string;
  /** Cases that `npm test` runs. Default: 20,000; fewer for what is slow. */
  readonly cases?: number;
  /** Prepares what all cases share: real inputs to mutate. @param folder temporary, empty, this target's own */
  readonly open: (folder: string) => FuzzCase | Promise<FuzzCase>;
  /** Looks at the target's folder after all cases: has anything been written that should not be? */
  readonly after?: (folder: string) => void | Promise<void>;
}

/** Makes one input from the stream's numbers and reads it. Anything it throws but a LikenessError is a failure. */
export type FuzzCase = (random: RandomStream) => unknown;

interface Failure {
  readonly number: number;
  readonly what: string;
}

const SHOWN = 12;
/** A reader of one small input that needs longer is stuck, even on a busy machine. */
const LONGEST_MS = 20_000;
const { FUZZ_COUNT, FUZZ_SEED = '0', FUZZ_CASE } = process.env;

/** Registers a target as a test. @param name as in the name of its file: `npm run fuzz -- NAME` */
export function fuzz(name: string, target: FuzzTarget): void {
  describe(`fuzz ${name}`, () => {
    it(`${target.about}: every case is read or refused with an error of ours`, { timeout: 0 }, async () => {
      const folder = await mkdtemp(join(tmpdir(), `likeness-fuzz-${name}-`));
      try {
        const failures = await runCases(name, target, folder);
        await target.after?.(folder);
        expect(summaryOf(failures), `${failures.length} failures`).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  });
}

async function runCases(name: string, target: FuzzTarget, folder: string): Promise<Failure[]> {
  const one = await target.open(folder);
  const rng = createRng(Number(FUZZ_SEED));
  const [first, end] =
    FUZZ_CASE === undefined
      ? [0, Number(FUZZ_COUNT ?? target.cases ?? 20_000)]
      : [Number(FUZZ_CASE), Number(FUZZ_CASE) + 1];
  const watchdog = startWatchdog(name, LONGEST_MS, end);
  const failures: Failure[] = [];
  try {
    for (let number = first; number < end; number++) {
      watchdog.at(number);
      try {
        await one(rng.stream(`fuzz.${name}`, 0, number));
      } catch (error) {
        if (error instanceof LikenessError) continue;
        if (FUZZ_CASE !== undefined) throw error;
        failures.push({
          number,
          what: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
        });
      }
    }
  } finally {
    watchdog.stop();
  }
  return failures;
}

/** Failures of a kind in one line: the first of them, and how to see it again. */
function summaryOf(failures: readonly Failure[]): string[] {
  const kinds = new Map<string, Failure[]>();
  for (const failure of failures) {
    // Numbers and quoted texts are those of one input.
    const kind = failure.what.split('\n')[0]?.replaceAll(/\d+|"[^"]*"|'[^']*'/g, '…') ?? '';
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  return [...kinds.values()]
    .toSorted((a, b) => b.length - a.length)
    .slice(0, SHOWN)
    .map((kind) => `${kind.length} × ${kind[0]?.what.slice(0, 300) ?? ''} (--case ${kind[0]?.number ?? 0})`);
}
