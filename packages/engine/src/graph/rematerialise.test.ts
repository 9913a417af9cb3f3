import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkpointed,
  clipFactor,
  compile,
  createVariable,
  defineFunction,
  float32,
  globalNorm,
  startEngine,
  tf,
} from '../index.ts';
import type { FunctionDefinition, Tensor, Tensor2D, Variable } from '../index.ts';
import type { Graph } from './graph.ts';
import { toMixedPrecision } from './mixedPrecision.ts';
import { rematerialise } from './rematerialise.ts';
import { trace } from '../recording/trace.ts';

/** Blocks of activations far larger than the weights, and one step of gradient descent, clipped as training does. */
function deepStep(depth: number, rows: number): { step: FunctionDefinition; variables: Variable[] } {
  const variables = Array.from({ length: depth }, (_, i) =>
    createVariable({ name: `w${i}`, shape: [32, 32] }),
  );
  const block = (x: Tensor, weight: Variable): Tensor =>
    checkpointed(() => {
      const h = tf.matMul(x as Tensor2D, weight as unknown as Tensor2D);
      return tf.add(tf.mul(tf.tanh(h), tf.sigmoid(tf.square(h))), x);
    });
  const step = defineFunction({ x: float32(rows, 32) }, ({ x }) => {
    const loss = () => tf.mean(tf.square(variables.reduce<Tensor>(block, x))) as never;
    const { value, grads } = tf.variableGrads(loss, variables);
    const gradients = variables.map(({ name }) => grads[name] as Tensor);
    const clip = clipFactor(globalNorm([gradients]), 1);
    variables.forEach((variable, i) =>
      variable.assign(tf.sub(variable, tf.mul(gradients[i] as Tensor, clip))),
    );
    return { loss: value };
  });
  return { step, variables };
}

const count = (graph: Graph, op: string): number => graph.nodes.filter((node) => node.op === op).length;

describe('rematerialise', () => {
  it('copies each block before its first reader in the backward pass, behind a barrier', () => {
    const { step, variables } = deepStep(3, 4);
    const { graph, blocks } = trace('step', step);
    const changed = rematerialise(graph, blocks);
    expect(count(changed, 'XlaOptimizationBarrier')).toBe(3);
    // One forward product and two of the gradient a block (the first has no gradient of x), and one again.
    expect(count(graph, 'Tanh')).toBe(3);
    expect(count(changed, 'Tanh')).toBe(6);
    // The last block's copies stand before the first block's: backwards.
    const barriers = changed.nodes.filter(({ op }) => op === 'XlaOptimizationBarrier');
    const entering = barriers.map(({ inputs }) =>
      graph.nodes.findIndex((n) => n.outputs.some((o) => o.id === inputs[0]?.id)),
    );
    expect(entering).toEqual([...entering].sort((a, b) => b - a));
    // Every value is still made before it is used.
    const made = new Set(
      [...changed.inputs.values(), ...changed.variables.map(({ read }) => read)].map(({ id }) => id),
    );
    for (const node of changed.nodes) {
      for (const { id } of node.inputs) expect(made).toContain(id);
      for (const { id } of node.outputs) made.add(id);
    }
    // What a block keeps is read by nobody in the backward pass any more.
    const lastForward = changed.nodes.findIndex(({ op }) => op === 'XlaOptimizationBarrier');
    const inner = new Set(
      graph.nodes
        .flatMap((n) => (n.block === 0 ? [] : n.outputs.map(({ id }) => id)))
        .filter((id) => !blocks.some((b) => b.outputs.has(id))),
    );
    const readLate = changed.nodes
      .slice(lastForward)
      .flatMap(({ inputs }) => inputs.filter(({ id }) => inner.has(id)));
    expect(readLate).toEqual([]);
    for (const variable of variables) variable.dispose();
  });

  it('casts weights again for the backward pass in mixed precision', () => {
    const { step, variables } = deepStep(3, 4);
    const { graph, blocks } = trace('step', step);
    const { nodes } = rematerialise(toMixedPrecision(graph), blocks);
    const firstCopy = nodes.findIndex(({ op }) => op === 'XlaOptimizationBarrier');
    const castsOfWeights = nodes
      .slice(0, firstCopy)
      .filter(({ op, inputs }) => op === 'Cast' && inputs[0]?.shape.join() === '32,32')
      .flatMap(({ outputs }) => outputs.map(({ id }) => id));
    expect(castsOfWeights).toHaveLength(3);
    const readLate = nodes.slice(firstCopy).flatMap(({ inputs }) => inputs.map(({ id }) => id));
    expect(readLate.filter((id) => castsOfWeights.includes(id))).toEqual([]);
    for (const variable of variables) variable.dispose();
  });

  it('changes nothing without a backward pass', () => {
    const predict = defineFunction({ x: float32(2) }, ({ x }) => ({
      y: checkpointed(() => tf.tanh(tf.exp(x))),
    }));
    const { graph, blocks } = trace('predict', predict);
    expect(rematerialise(graph, blocks)).toBe(graph);
  });
});

describe('in XLA', () => {
  let engines: Awaited<ReturnType<typeof startEngine>>[] = [];
  beforeAll(async () => {
    engines = [await startEngine({ threads: 2 }), await startEngine({ threads: 2 })];
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });

  it('takes the activations out of the peak', async () => {
    const { step, variables } = deepStep(12, 2 ** 15); // an activation: 4 MB; a block keeps four or five
    const peaks: number[] = [];
    const losses: number[] = [];
    for (const [i, engine] of engines.entries()) {
      const program = await compile({ step }, { engine, mode: 'xla', gradientCheckpointing: i === 1 });
      await program.write(
        new Map(
          variables.map((_, v) => [
            `w${v}`,
            Float32Array.from({ length: 1024 }, (_w, n) => Math.sin(n + v) / 6),
          ]),
        ),
      );
      const feeds = { x: new Float32Array(2 ** 15 * 32).map((_, n) => Math.cos(n)) };
      for (let n = 0; n < 2; n++) losses.push((await program.run('step', feeds))['loss']?.[0] ?? NaN);
      peaks.push((await engine.stats()).peakRssBytes / 2 ** 20);
      await program.dispose();
    }
    const [plain = 0, checkpointing = 0] = peaks;
    // XLA fuses the two programs in different ways: float32 rounding, no more.
    for (const n of [0, 1]) expect(losses[2 + n]).toBeCloseTo(losses[n] ?? NaN, 5);
    // 12 blocks keep some four activations of 4 MB each, or one: about 100 MB were seen.
    expect(plain - checkpointing).toBeGreaterThan(60);
    for (const variable of variables) variable.dispose();
  });
});
