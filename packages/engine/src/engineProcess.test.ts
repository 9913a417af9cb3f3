// The engine process: what goes wrong in it and around it, repeated runs, memory over many steps.
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compile,
  createVariable,
  defineFunction,
  EngineError,
  FileError,
  float32,
  int32,
  readSafetensorsHeader,
  resolveMode,
  startEngine,
  tf,
  WeightsError,
  type Engine,
  type Tensor,
} from './index.ts';

const MODES = ['eager', 'graph', 'xla'] as const;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 2 });
});
afterAll(() => engine.close());

const wave = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.7));

/** A step of gradient descent of two layers, deep enough for several kernels. */
function descent(name: string) {
  const weights = [0, 1].map((i) => createVariable({ name: `${name}.${i}`, shape: [128, 128] }));
  const step = defineFunction({ x: float32(16, 128), rate: float32() }, ({ x, rate }) => {
    const network = () => {
      const h = weights.reduce<Tensor>((y, weight) => tf.tanh(tf.matMul(y, weight as Tensor)), x);
      return tf.mean(tf.square(tf.sub(h, tf.softmax(x)))) as never;
    };
    const { value, grads } = tf.variableGrads(network, weights);
    for (const weight of weights) {
      const gradient = grads[weight.name];
      if (gradient) weight.assign(tf.sub(weight, tf.mul(gradient, rate)));
    }
    return { loss: value };
  });
  const values = new Map(weights.map((_, i) => [`${name}.${i}`, wave(128 * 128)]));
  const dispose = (): void => weights.forEach((weight) => weight.dispose());
  return { step, values, dispose };
}
const feeds = { x: wave(16 * 128), rate: Float32Array.of(0.5) };

describe('a program', () => {
  it.each(MODES)('gives equal bits when compiled and run twice in %s', async (mode) => {
    const run = async (): Promise<unknown> => {
      const { step, values, dispose } = descent('same');
      const program = await compile({ step }, { engine, mode });
      await program.write(values);
      const losses: unknown[] = [];
      for (let i = 0; i < 5; i++) losses.push((await program.run('step', feeds))['loss']);
      const state = await program.read([...values.keys()]);
      await program.dispose();
      dispose();
      return { losses, state };
    };
    expect(await run()).toEqual(await run());
  });

  it.each(MODES)('neither keeps tensors nor grows over 1,000 steps in %s', async (mode) => {
    const { step, values, dispose } = descent('leak');
    const program = await compile({ step }, { engine, mode });
    await program.write(values);
    const steps = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await program.run('step', feeds);
    };
    await steps(200); // until pools and caches have their size
    const before = await engine.stats();
    await steps(1_000);
    const after = await engine.stats();
    expect(after.tensors).toBe(before.tensors);
    // One forgotten [128, 128] tensor a step would be 64 MB; the JavaScript heap breathes by some MB.
    expect((after.rssBytes - before.rssBytes) / 2 ** 20).toBeLessThan(20);
    await program.dispose();
    dispose();
  });

  it.each(MODES)('hands NaN on in %s', async (mode) => {
    const { step, values, dispose } = descent('nan');
    const program = await compile({ step }, { engine, mode });
    await program.write(values);
    const { loss } = await program.run('step', { ...feeds, x: new Float32Array(16 * 128).fill(NaN) });
    expect(loss?.[0]).toBeNaN();
    expect((await program.read(['nan.0'])).get('nan.0')?.[0]).toBeNaN();
    await program.dispose();
    dispose();
  });

  it('names all feeds that do not fit, before anything is sent', async () => {
    const add = defineFunction({ a: float32(2, 2), b: int32(3), c: float32() }, ({ a, b, c }) => ({
      sum: tf.add(tf.add(tf.sum(a), tf.sum(b)), c),
    }));
    const program = await compile({ add }, { engine, mode: 'graph' });
    const wrong = { a: Float32Array.of(1), b: Float32Array.of(1, 2, 3), d: Float32Array.of(1) };
    const error: unknown = await program.run('add', wrong).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error).split('\n')).toEqual([
      'EngineError: add: the feeds do not fit',
      "  - input 'a': expected float32 [2,2] (4 elements), got Float32Array of 1 elements",
      "  - input 'b': expected int32 [3] (3 elements), got Float32Array of 3 elements",
      "  - input 'c': expected float32 [] (1 elements), got nothing",
      "  - there is no input 'd'",
    ]);
    await expect(program.run('sub' as never)).rejects.toThrow(/sub: the program has no such function/);
    await program.dispose();
  });

  it('tells what goes wrong with files as class, code and path', async () => {
    const { step, dispose } = descent('files');
    const program = await compile({ step }, { engine, mode: 'graph' });
    const folder = mkdtempSync(join(tmpdir(), 'likeness-engine-'));
    const path = join(folder, 'none', 'state.safetensors');
    const tensors = [{ variable: 'files.0', key: 'files.0', dtype: 'F32', layout: 'asIs' }] as const;
    const refused: unknown = await program.save(path, tensors).catch((reason: unknown) => reason);
    expect(refused).toBeInstanceOf(FileError);
    expect(refused).toMatchObject({ code: 'file/missing', where: path });
    const cut = join(folder, 'cut.safetensors');
    await program.save(cut, tensors);
    const entry = (await readSafetensorsHeader(cut)).tensors.get('files.0')!;
    truncateSync(cut, 1000);
    const damaged: unknown = await program
      .load([{ variable: 'files.0', entry, layout: 'asIs' }])
      .catch((reason: unknown) => reason);
    expect(damaged).toBeInstanceOf(WeightsError);
    expect(damaged).toMatchObject({ code: 'model/damaged-file', where: cut });
    await expect(program.write(new Map([['nobody', wave(1)]]))).rejects.toMatchObject({
      code: 'engine/variables',
      where: 'nobody',
    });
    rmSync(folder, { recursive: true });
    await program.dispose();
    dispose();
  });

  it('says what TensorFlow refuses, and goes on', async () => {
    const at = defineFunction({ ids: int32(2) }, ({ ids }) => ({
      rows: tf.gather(tf.ones([3, 2]), ids as never),
    }));
    const program = await compile({ at }, { engine, mode: 'graph' });
    await expect(program.run('at', { ids: Int32Array.of(0, 7) })).rejects.toThrow(
      /indices\[1\] = 7 is not in \[0, 3\)/,
    );
    expect((await program.run('at', { ids: Int32Array.of(0, 2) }))['rows']).toHaveLength(4);
    await program.dispose();
    await expect(program.run('at', { ids: Int32Array.of(0, 2) })).rejects.toThrow(/was disposed/);
  });
});

describe('a process', () => {
  it('that is killed in the middle of a call ends it with an error', async () => {
    const other = await startEngine({ threads: 1 });
    const product = defineFunction({ x: float32(1024, 1024) }, ({ x }) => {
      let y = x;
      for (let i = 0; i < 200; i++) y = tf.tanh(tf.matMul(y, x));
      return { y: tf.sum(y) };
    });
    const program = await compile({ product }, { engine: other, mode: 'graph' });
    const started = performance.now();
    const running = program.run('product', { x: wave(1024 * 1024) });
    setTimeout(() => other.kill(), 300);
    await expect(running).rejects.toThrow(/the engine process ended\n.*SIGKILL\n.*hint:/);
    expect(performance.now() - started).toBeLessThan(5_000);
    await expect(program.run('product', { x: wave(1024 * 1024) })).rejects.toThrow(EngineError);
    await other.close();
  });

  it('works while another one computes', async () => {
    const sum = defineFunction({ x: float32(4) }, ({ x }) => ({ y: tf.sum(x) }));
    const long = defineFunction({ x: float32(512, 512) }, ({ x }) => {
      let y = x;
      for (let i = 0; i < 500; i++) y = tf.tanh(tf.matMul(y, x));
      return { y: tf.sum(y) };
    });
    const first = await compile({ long }, { engine, mode: 'graph' });
    const computing = first.run('long', { x: wave(512 * 512) });
    let done = false;
    void computing.then(() => (done = true));
    const other = await startEngine({ threads: 1 });
    const program = await compile({ sum }, { engine: other, mode: 'graph' });
    expect((await program.run('sum', { x: Float32Array.of(1, 2, 3, 4) }))['y']).toEqual(Float32Array.of(10));
    expect(done).toBe(false);
    await other.close();
    await computing;
    await first.dispose();
  });
});

describe('auto', () => {
  it('compiles with XLA what runs often', () => {
    expect(resolveMode('auto', 1_000)).toBe('xla');
    expect(resolveMode('auto', 3)).toBe('graph');
    expect(resolveMode('auto')).toBe('graph');
    expect(resolveMode('eager', 1_000)).toBe('eager');
  });
});
