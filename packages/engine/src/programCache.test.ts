import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile, createVariable, defineFunction, float32, startEngine, tf } from './index.ts';
import { isWhole, programFolder } from './programCache.ts';

const cache = mkdtempSync(join(tmpdir(), 'programs of '));
afterAll(() => rmSync(cache, { recursive: true }));
const files = (): string[] =>
  readdirSync(cache, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.sha256'))
    .map((entry) => join(entry.parentPath, entry.name));

const weight = createVariable({ name: 'weight', shape: [64, 64] });
const step = defineFunction({ x: float32(8, 64) }, ({ x }) => {
  const loss = () => tf.mean(tf.square(tf.tanh(tf.matMul(x, weight as never)))) as never;
  const { value, grads } = tf.variableGrads(loss, [weight]);
  weight.assign(tf.sub(weight, Object.values(grads)[0] ?? tf.zerosLike(weight)));
  return { loss: value };
});
afterAll(() => weight.dispose());

/** Loss and weights of two steps in a process of their own. */
async function results(): Promise<unknown> {
  const engine = await startEngine({ threads: 2, programCache: cache });
  const program = await compile({ step }, { engine, mode: 'xla' });
  await program.write(new Map([['weight', Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i))]]));
  const x = Float32Array.from({ length: 8 * 64 }, (_, i) => Math.cos(i));
  const losses = [await program.run('step', { x }), await program.run('step', { x })];
  const weights = await program.read(['weight']);
  await engine.close();
  return { losses, weights };
}

let compiled: unknown;
beforeAll(async () => {
  compiled = await results();
});

it('keeps a program, which computes the same bits when it is found again', async () => {
  const [kept, ...others] = files();
  expect(others).toEqual([]);
  const code = readFileSync(kept ?? '');
  expect(await results()).toEqual(compiled);
  expect(files()).toEqual([kept]);
  expect(readFileSync(kept ?? '').equals(code)).toBe(true);
});

it.each(['cut short', 'empty', 'something else'])('compiles again when the file is %s', async (damage) => {
  const [kept = ''] = files();
  expect(isWhole(kept)).toBe(true);
  if (damage === 'something else') writeFileSync(kept, Buffer.alloc(5_000, 'x'));
  else truncateSync(kept, damage === 'empty' ? 0 : 3_000);
  expect(isWhole(kept)).toBe(false);
  expect(await results()).toEqual(compiled);
  expect(isWhole(kept)).toBe(true);
});

it('compiles again when one bit of a file has turned, wherever', async () => {
  const [kept = ''] = files();
  const whole = readFileSync(kept);
  // In the key, in the program (which ended the run: unknown opcode), in the machine code (which killed the engine).
  for (const at of [3, 0.3, 0.6, 0.95].map((part) => (part < 1 ? Math.floor(part * whole.length) : part))) {
    const turned = Buffer.from(whole);
    turned[at] = (turned[at] ?? 0) ^ 4;
    writeFileSync(kept, turned);
    expect(await results()).toEqual(compiled);
    expect(readFileSync(kept).equals(turned)).toBe(false);
    writeFileSync(kept, whole);
  }
});

it('does not trust a program whose hash was never noted, once nobody can be writing it', async () => {
  const [kept = ''] = files();
  rmSync(join(dirname(kept) + '.sha256', basename(kept)));
  const old = new Date(Date.now() - 60_000);
  utimesSync(kept, old, old);
  expect(await results()).toEqual(compiled);
  expect(statSync(kept).mtimeMs).toBeGreaterThan(old.getTime());
});

it('keeps programs of other threads, versions and flags apart, and none for a GPU', () => {
  const cpu = { version: '2.21.0', variant: 'cpu' } as const;
  const flags = [
    programFolder(cpu, 2, '', cache),
    programFolder(cpu, 1, '', cache),
    programFolder({ ...cpu, version: '2.22.0' }, 2, '', cache),
    programFolder(cpu, 2, '--xla_cpu_enable_fast_math=true', cache),
  ];
  expect(new Set(flags).size).toBe(4);
  expect(programFolder({ ...cpu, variant: 'cuda' }, 2, '', cache)).toBeUndefined();
  const [file = ''] = files();
  expect(programFolder(cpu, 2, '', join(file, 'no folder'))).toBeUndefined();
});

it('removes what was not used for longest when there is too much', () => {
  const [kept = ''] = files();
  const large = [1, 2, 3].map((days) => {
    const path = join(kept, '..', `large${days}`);
    writeFileSync(path, Buffer.from([10, 1, 0, 18, 1, 0, 26, 4, 0, 0, 0, 0]));
    return { path, time: new Date(Date.now() - (days + 1) * 24 * 3600 * 1000) };
  });
  for (const { path, time } of large) utimesSync(path, time, time);
  programFolder({ version: '2.21.0', variant: 'cpu' }, 2, '', cache, 30 + readFileSync(kept).length);
  expect(
    files()
      .map((path) => path.split('large')[1])
      .filter(Boolean)
      .sort(),
  ).toEqual(['1', '2']);
});
