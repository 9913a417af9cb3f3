// How fast this machine multiplies matrices, measured in an engine process of its own.
import { compile, defineFunction, float32, startEngine, tensorFlowStatus } from '@likeness/engine';
import { tf } from '@likeness/core';

const SIZE = 1024;
const CHAIN = 8;
const MEASURE_MS = 400;
/** One AVX2 core; taken where TensorFlow is not set up yet. */
const USUAL_FLOPS_PER_THREAD = 40e9;

/** Multiplications and additions a second of float32 matrix products. */
export async function matrixFlopsPerSecond(threads: number): Promise<number> {
  if (tensorFlowStatus().install === undefined) return USUAL_FLOPS_PER_THREAD * threads;
  const engine = await startEngine({ threads });
  try {
    const product = defineFunction({ x: float32(SIZE, SIZE) }, ({ x }) => {
      let y = x;
      for (let i = 0; i < CHAIN; i++) y = tf.matMul(y, x);
      return { y: tf.sum(y) };
    });
    const program = await compile({ product }, { engine, mode: 'graph' });
    const feeds = { x: new Float32Array(SIZE * SIZE).fill(1 / SIZE) };
    await program.run('product', feeds);
    let rounds = 0;
    const start = performance.now();
    while (performance.now() - start < MEASURE_MS) {
      await program.run('product', feeds);
      rounds += 1;
    }
    return (rounds * CHAIN * 2 * SIZE ** 3) / ((performance.now() - start) / 1000);
  } finally {
    await engine.close();
  }
}
