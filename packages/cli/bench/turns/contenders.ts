// Contenders of a benchmark take turns within one run, so that a busy machine is busy for all.
import { execFileSync, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';

export interface Turn {
  readonly milliseconds: readonly number[];
  readonly peakRssBytes: number;
}

/** Who takes part: idle until its turn. */
export interface Contender {
  readonly name: string;
  run(steps: number): Promise<Turn>;
  close(): Promise<void>;
}

export interface Measured {
  readonly name: string;
  readonly milliseconds: readonly number[];
  readonly firstStepSeconds: number;
  readonly peakRssBytes: number;
}

/** Warms every contender up, then lets them take turns. Closes them. */
export async function takeTurns(
  contenders: readonly Contender[],
  { turns, steps }: { readonly turns: number; readonly steps: number },
): Promise<Measured[]> {
  try {
    const results: {
      name: string;
      milliseconds: number[];
      firstStepSeconds: number;
      peakRssBytes: number;
    }[] = [];
    for (const { name, run } of contenders) {
      const start = performance.now();
      await run(1);
      results.push({
        name,
        milliseconds: [],
        firstStepSeconds: (performance.now() - start) / 1000,
        peakRssBytes: 0,
      });
      await run(1);
    }
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, { run }] of contenders.entries()) {
        const { milliseconds, peakRssBytes } = await run(steps);
        results[i]?.milliseconds.push(...milliseconds);
        if (results[i]) results[i].peakRssBytes = peakRssBytes;
      }
    }
    return results;
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const load = (): string => (loadavg()[0] ?? 0).toFixed(1);

/** A Python that can import all modules; undefined when there is none and nobody named one. */
export function findPython(named: string | undefined, modules: string): string | undefined {
  const works = (python: string): boolean => {
    try {
      execFileSync(python, ['-c', `import ${modules}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  if (named === undefined) return ['python3', 'python'].find(works);
  if (!works(named)) throw new Error(`${named} cannot import ${modules}`);
  return named;
}

/** A script that reads `{"steps": N}` lines and answers each with a turn; its first line is `{"name": …}`. */
export async function pythonContender(python: string, script: string, settings: object): Promise<Contender> {
  const child = spawn(python, [script, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${script} ended early; run it by hand to see why`);
    return JSON.parse(line.value) as unknown;
  };
  const { name } = (await answer()) as { name: string };
  return {
    name,
    run: async (steps) => {
      child.stdin.write(`${JSON.stringify({ steps })}\n`);
      return (await answer()) as Turn;
    },
    close: async () => {
      child.stdin.end();
    },
  };
}
