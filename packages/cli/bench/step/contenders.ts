// Who takes part in a comparison of step times, and what is printed of it.
import { baseWeights } from '@likeness/core';
import { modelDir } from '@likeness/doodle';
import { compile, startEngine, type ResolvedMode } from '@likeness/engine';
import { load, median, pythonContender, takeTurns, type Contender } from '../turns/contenders.ts';
import { rowsOf, type PreparedStep } from './preparedStep.ts';

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
  const contender = await pythonContender(python, script, settings);
  return { ...contender, name: `${contender.name}, fused AdamW, channels last` };
}

/**
 * Lets everybody warm up and take turns, and prints a line each. Closes them.
 * @param reference name of the one whose times the others' are divided by
 */
export async function printTurns(
  contenders: readonly Contender[],
  { turns, steps, reference }: { turns: number; steps: number; reference: string | undefined },
  print: (line: string) => void,
): Promise<void> {
  const measured = await takeTurns(contenders, { turns, steps });
  for (const { name, firstStepSeconds } of measured)
    print(`  ${name}: first step ${firstStepSeconds.toFixed(1)} s`);
  print(`\nsteps: ${turns} turns of ${steps}; load at the end ${load()}`);
  const measure = measured.find(({ name }) => name === reference)?.milliseconds;
  for (const { name, milliseconds, peakRssBytes } of measured) {
    const column = (label: string, of: (values: readonly number[]) => number): string => {
      const ratio = measure ? ` (×${(of(milliseconds) / of(measure)).toFixed(2)})` : '';
      return `${label} ${of(milliseconds).toFixed(1).padStart(7)} ms${ratio}`;
    };
    const least = (values: readonly number[]): number => Math.min(...values);
    const memory = `peak ${Math.round(peakRssBytes / 2 ** 20)} MiB`;
    print(`  ${name.padEnd(48)} ${column('median', median)}  ${column('least', least)}  ${memory}`);
  }
}
