import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkpointed,
  compile,
  createVariable,
  defineFunction,
  EngineError,
  float32,
  gatherRows,
  int32,
  startEngine,
  stopGradient,
  tf,
  type Engine,
  type Mode,
  type Tensor4D,
} from './index.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 2 });
});
afterAll(() => engine.close());

const wave = (size: number, scale = 1): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => scale * Math.sin(i));

/** A small network with convolution, matrix product and a normalisation, and one step of gradient descent. */
function smallStep(prefix: string) {
  const filter = createVariable({ name: `${prefix}.filter`, shape: [3, 3, 2, 4] });
  const dense = createVariable({ name: `${prefix}.dense`, shape: [4, 4] });
  const table = createVariable({ name: `${prefix}.table`, shape: [5, 4] });
  const network = (x: Tensor4D, ids: ReturnType<typeof tf.tensor1d>) => {
    const h = checkpointed(() => tf.mul(tf.sigmoid(tf.conv2d(x, filter as Tensor4D, 1, 'same')), 2));
    const y = checkpointed(() => tf.matMul(tf.reshape(h, [-1, 4]), dense as never, false, true));
    const centred = tf.sub(y, tf.mean(y, -1, true));
    return tf.add(tf.sum(tf.square(centred), 0), tf.sum(gatherRows(table, ids), 0));
  };
  const trainStep = defineFunction(
    { x: float32(2, 4, 4, 2), ids: int32(3), rate: float32() },
    ({ x, ids, rate }) => {
      const variables = [filter, dense, table];
      const { value, grads } = tf.variableGrads(
        () => tf.mean(network(x as Tensor4D, ids as never)) as never,
        variables,
      );
      for (const variable of variables) {
        const gradient = grads[variable.name];
        if (gradient) variable.assign(tf.sub(variable, tf.mul(gradient, rate)));
      }
      return { loss: value };
    },
  );
  const values = new Map([
    [`${prefix}.filter`, wave(72, 0.5)],
    [`${prefix}.dense`, wave(16)],
    [`${prefix}.table`, wave(20)],
  ]);
  const dispose = (): void => {
    for (const variable of [filter, dense, table]) variable.dispose();
  };
  return { trainStep, values, dispose };
}
const feeds = { x: wave(64), ids: Int32Array.of(0, 4, 4), rate: Float32Array.of(0.01) };

async function losses(
  mode: Mode,
  options: { gradientCheckpointing?: boolean; precision?: 'bf16' } = {},
): Promise<number[]> {
  const { trainStep, values, dispose } = smallStep('m');
  const program = await compile({ trainStep }, { engine, mode, ...options });
  await program.write(values);
  const result: number[] = [];
  for (let i = 0; i < 4; i++) result.push((await program.run('trainStep', feeds))['loss']?.[0] ?? NaN);
  await program.dispose();
  dispose();
  return result;
}

describe('compile', () => {
  it('gives the same losses in eager, graph and XLA', async () => {
    const eager = await losses('eager');
    expect(eager[3]).toBeLessThan(eager[0] ?? 0);
    for (const mode of ['graph', 'xla'] as const) {
      const other = await losses(mode);
      // Different sums in different order: float32 rounding, no more.
      other.forEach((loss, i) => expect(loss).toBeCloseTo(eager[i] ?? NaN, 4));
    }
  });

  it('gives the same losses with gradient checkpointing', async () => {
    const plain = await losses('xla');
    const checkpointing = await losses('xla', { gradientCheckpointing: true });
    checkpointing.forEach((loss, i) => expect(loss).toBeCloseTo(plain[i] ?? NaN, 4));
  });

  it('trains in bf16 near float32', async () => {
    const plain = await losses('xla');
    const low = await losses('xla', { precision: 'bf16' });
    expect(low).not.toEqual(plain);
    low.forEach((loss, i) => expect(Math.abs(loss / (plain[i] ?? NaN) - 1)).toBeLessThan(0.05));
  });

  it('reads, writes rows, zeroes and keeps the number of tensors', async () => {
    const { trainStep, values, dispose } = smallStep('v');
    const program = await compile({ trainStep }, { engine, mode: 'graph' });
    await program.write(values);
    await program.writeRows('v.dense', 1, Float32Array.of(9, 9, 9, 9));
    const dense = (await program.read(['v.dense'])).get('v.dense');
    expect([...(dense ?? [])].slice(0, 8)).toEqual([...wave(4), 9, 9, 9, 9]);
    await program.zero(['v.dense']);
    expect((await program.read(['v.dense'])).get('v.dense')?.every((x) => x === 0)).toBe(true);
    const { tensors } = await engine.stats();
    for (let i = 0; i < 20; i++) await program.run('trainStep', feeds);
    expect((await engine.stats()).tensors).toBe(tensors);
    await program.dispose();
    dispose();
  });

  it('shares variables between programs: values stay, and what is borrowed is not given back', async () => {
    const weight = createVariable({ name: 's.weight', shape: [2] });
    const extra = createVariable({ name: 's.extra', shape: [2] });
    const x = float32(2);
    const plain = defineFunction({ x }, ({ x }) => ({ y: tf.mul(x!, weight) }));
    const adapted = defineFunction({ x }, ({ x }) => ({ y: tf.add(tf.mul(x!, weight), extra) }));
    const feeds = { x: Float32Array.of(1, 2) };
    const base = await compile({ plain }, { engine, mode: 'graph' });
    await base.write(new Map([['s.weight', Float32Array.of(3, 5)]]));
    const { tensors } = await engine.stats();
    const over = await compile({ adapted }, { engine, mode: 'graph', sharing: base });
    await over.write(new Map([['s.extra', Float32Array.of(10, 20)]]));
    expect([...(await over.run('adapted', feeds))['y']!]).toEqual([13, 30]);
    await over.write(new Map([['s.weight', Float32Array.of(4, 5)]]));
    await over.dispose();
    expect((await engine.stats()).tensors).toBe(tensors);
    expect([...(await base.run('plain', feeds))['y']!]).toEqual([4, 10]);
    weight.dispose();
    const other = createVariable({ name: 's.weight', shape: [1] });
    const clash = defineFunction({ x }, ({ x }) => ({ y: tf.mul(x!, other) }));
    await expect(compile({ clash }, { engine, mode: 'graph', sharing: base })).rejects.toThrow(
      /s\.weight[^]*float32 \[2\][^]*float32 \[1\]/,
    );
    await base.dispose();
    for (const variable of [extra, other]) variable.dispose();
  });

  it('stops gradients where asked, and nothing else', async () => {
    const product = defineFunction({ x: float32(3) }, ({ x }) => {
      const gradient = tf.grad((value) => tf.sum(tf.mul(value, stopGradient(value))))(x);
      return { gradient, value: stopGradient(x) };
    });
    const program = await compile({ product }, { engine, mode: 'graph' });
    const x = Float32Array.of(1, -2, 3);
    // x² has the gradient 2 x; with one of its factors held constant, half of that.
    expect(await program.run('product', { x })).toEqual({ gradient: x, value: x });
    await program.dispose();
  });

  it('refuses to read values while tracing, naming op and place', async () => {
    const reading = defineFunction({ x: float32(2) }, ({ x }) => {
      tf.exp(x).dataSync();
      return { x };
    });
    const error = await compile({ reading }, { engine, mode: 'graph' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error)).toMatch(/Exp at .*compile\.test\.ts/);
  });

  it('names an op without a rule and one XLA lacks, with the place', async () => {
    const noRule = defineFunction({ x: float32(4) }, ({ x }) => ({ y: tf.unique(x as never).values }));
    await expect(compile({ noRule }, { engine, mode: 'graph' })).rejects.toThrow(
      /compile\.test\.ts.*UniqueV2/,
    );
    const noXla = defineFunction({ x: float32(1, 2, 2, 1) }, ({ x }) => ({
      y: tf.grad((p) => tf.image.resizeNearestNeighbor(p as Tensor4D, [3, 3]))(x),
    }));
    await expect(compile({ noXla }, { engine, mode: 'xla' })).rejects.toThrow(
      /XLA cannot compile the op ResizeNearestNeighborGrad/,
    );
  });
});
