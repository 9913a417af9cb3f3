// Adapters over an embedding table. The step is run: ids beyond a table are an error in TensorFlow.
import {
  compile,
  defineFunction,
  int32,
  startEngine,
  tf,
  variableInfo,
  type Engine,
  type Tensor,
} from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Parameters, type Adapter } from './parameters.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 1 });
});
afterAll(() => engine.close());

/** The row of id `id` is `value` everywhere; other ids are the layer's business. */
const newRow =
  (id: number, value: number): Adapter =>
  ({ input, base }) => {
    const own = tf.expandDims(tf.cast(tf.equal(input, tf.scalar(id, 'int32')), 'float32'), -1);
    return tf.add(tf.mul(own, value), tf.mul(tf.sub(1, own), base()));
  };

it('lets adapters answer for ids beyond the table, one over the other, and leaves no trace', async () => {
  const parameters = new Parameters({ component: 'parametersTest' });
  const table = parameters.get('tokens.weight', [3, 2]);
  const lookUp = async (ids: number[]): Promise<[number[], string]> => {
    const definition = defineFunction({ ids: int32(ids.length) }, (inputs) => ({
      rows: parameters.embedding('tokens', inputs.ids as Tensor, 3, 2),
    }));
    const program = await compile({ definition }, { engine, mode: 'graph' });
    await program.write(new Map([[variableInfo(table).name, Float32Array.of(1, 2, 3, 4, 5, 6)]]));
    const { rows = [] } = await program.run('definition', { ids: Int32Array.from(ids) });
    return [[...rows], program.facts.hash];
  };
  const [plain, hash] = await lookUp([2, 0, 1]);
  expect(plain).toEqual([5, 6, 1, 2, 3, 4]);

  const detachFirst = parameters.attach('tokens', newRow(3, 30));
  const detachSecond = parameters.attach('tokens', newRow(4, 40));
  expect((await lookUp([0, 3, 4, 2]))[0]).toEqual([1, 2, 30, 30, 40, 40, 5, 6]);
  detachSecond();
  detachFirst();
  expect(await lookUp([2, 0, 1])).toEqual([plain, hash]);
  parameters.dispose();
});
