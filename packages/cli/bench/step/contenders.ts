// Who takes part in a comparison of step times, and the comparison: contenders take turns within one run, so that a
// busy machine is busy for all.
import { execFileSync, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { baseWeights } from '@likeness/core';
import { modelDir } from '@likeness/doodle';
import { compile, startEngine, type ResolvedMode } from '@likeness/engine';
import { rowsOf, type PreparedStep } from './preparedStep.ts';

export interface Turn {
  readonly milliseconds: readonly number[];
  readonly peakRssBytes: number;
}

/** Warmed up, idle until its turn. */
export interface Contender {
  readonly name: string;
  run(steps: number): Promise<Turn>;
  close(): Promise<void>;
}

export async function ours(mode: ResolvedMode, step: PreparedStep, threads: number): Promise<Contender> {
  const engine = await startEngine({ threads });
  const program = await compile(step.functions, { engine, mode });
  await program.load(baseWeights(step.model, program));
  await program.write(step.initialValues);
  const trainer = step.trainer(program);
  let at = 0;
  return {
    name: `likeness, ${mode}`,
    close: () => engine.close(),
    run: async (steps) => {
      const milliseconds: number[] = [];
      for (let i = 0; i < steps; i++) {
        const start = performance.now();
        await trainer.step(at++);
        milliseconds.push(performance.now() - start);
      }
      return { milliseconds, peakRssBytes: (await engine.stats()).peakRssBytes };
    },
  };
}

/**
 * A Python that can import the modules: the one named, else one on the PATH.
 * @throws when the one named cannot
 */
export function findPython(named: string | undefined, modules: readonly string[]): string | undefined {
  const works = (python: string): boolean => {
    try {
      execFileSync(python, ['-c', `import ${modules.join()}`], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  if (named === undefined) return ['python3', 'python'].find(works);
  if (!works(named)) throw new Error(`${named} cannot import ${modules.join(' and ')}`);
  return named;
}

/** The same step of the bundled model in PyTorch. @param script step.py @param rank of LoRA by PEFT; none: every weight trains */
export async function pyTorch(
  python: string,
  script: string,
  { options, model, config }: PreparedStep,
  threads: number,
  rank?: number,
): Promise<Contender> {
  const settings = {
    model: modelDir,
    threads,
    rows: rowsOf(options),
    withPrior: options.withPrior,
    tokens: model.textEncoder.maxLength,
    latentShape: options.latentShape,
    learningRate: config.learningRate,
    ...(rank === undefined ? {} : { rank }),
  };
  const child = spawn(python, [script, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${script} ended early; run it by hand to see why`);
    return JSON.parse(line.value) as unknown;
  };
  const { name } = (await answer()) as { name: string };
  return {
    name: `${name}, fused AdamW, channels last`,
    run: async (steps) => {
      child.stdin.write(`${JSON.stringify({ steps })}\n`);
      return (await answer()) as Turn;
    },
    close: async () => {
      child.stdin.end();
    },
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const least = (values: readonly number[]): number => Math.min(...values);

/**
 * Lets everybody warm up, then take turns, and prints a line each.
 * @param reference whose times the others' are divided by
 */
export async function takeTurns(
  contenders: readonly Contender[],
  { turns, steps, reference }: { turns: number; steps: number; reference: Contender | undefined },
  print: (line: string) => void,
): Promise<void> {
  for (const { name, run } of contenders) {
    const start = performance.now();
    await run(1);
    const first = performance.now() - start;
    await run(2);
    print(`  ${name}: first step ${(first / 1000).toFixed(1)} s`);
  }
  const times = new Map(contenders.map((contender) => [contender, [] as number[]]));
  const peaks = new Map<Contender, number>();
  for (let turn = 0; turn < turns; turn++) {
    for (const contender of contenders) {
      const { milliseconds, peakRssBytes } = await contender.run(steps);
      times.get(contender)?.push(...milliseconds);
      peaks.set(contender, peakRssBytes);
    }
  }
  print(`\nsteps: ${turns} turns of ${steps}; load at the end ${(loadavg()[0] ?? 0).toFixed(1)}`);
  const measure = reference && times.get(reference);
  for (const [contender, own] of times) {
    const column = (label: string, of: (values: readonly number[]) => number): string => {
      const ratio = measure ? ` (×${(of(own) / of(measure)).toFixed(2)})` : '';
      return `${label} ${of(own).toFixed(1).padStart(7)} ms${ratio}`;
    };
    const memory = `peak ${Math.round((peaks.get(contender) ?? 0) / 2 ** 20)} MiB`;
    print(`  ${contender.name.padEnd(48)} ${column('median', median)}  ${column('least', least)}  ${memory}`);
  }
}
