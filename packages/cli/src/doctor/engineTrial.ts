// Starts the engine once and compiles something small: what the rest of a run would depend on.
import { tf } from '@likeness/core';
import { compile, defineFunction, float32, startEngine, type Engine } from '@likeness/engine';

export type EngineTrial =
  | { readonly failure: string }
  | {
      readonly devices: readonly string[];
      readonly startSeconds: number;
      readonly compileSeconds: number;
      readonly xlaFailure?: string;
    };

export async function tryEngine(): Promise<EngineTrial> {
  const start = performance.now();
  let engine: Engine;
  try {
    engine = await startEngine();
  } catch (error) {
    return { failure: firstLine(error) };
  }
  const { devices } = engine.info;
  const startSeconds = (performance.now() - start) / 1000;
  try {
    const compileStart = performance.now();
    const square = defineFunction({ x: float32(8, 8) }, ({ x }) => ({ y: tf.matMul(x, x) }));
    const program = await compile({ square }, { engine, mode: 'xla' });
    await program.run('square', { x: new Float32Array(64).fill(1) });
    return { devices, startSeconds, compileSeconds: (performance.now() - compileStart) / 1000 };
  } catch (error) {
    return { devices, startSeconds, compileSeconds: 0, xlaFailure: firstLine(error) };
  } finally {
    await engine.close();
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
