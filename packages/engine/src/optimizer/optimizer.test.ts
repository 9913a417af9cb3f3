// The optimizers against the formulas of torch.optim's documentation, computed here in float64, one number at a time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, createVariable, defineFunction, float32, startEngine, tf, variableInfo } from '../index.ts';
import { adam, adamW, clipFactor, globalNorm, sgd } from '../index.ts';
import type { Engine, Optimizer, OptimizerGroup } from '../index.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 2 });
});
afterAll(() => engine.close());

const wave = (size: number, phase: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.fround(Math.sin(i * 1.3 + phase)));
/** Sizes of the parameters by group, and what the groups differ in. */
const GROUPS = [
  { sizes: [4, 6], learningRate: 0.1, weightDecay: 0.02 },
  { sizes: [3], learningRate: 0.05, weightDecay: 0 },
];
const STEPS = 6;
const MAX_NORM = 0.8;
const [BETA1, BETA2, EPSILON, MOMENTUM] = [0.9, 0.999, 1e-8, 0.9];

/** One number's next value from its gradient; `state` is its own. */
type Rule = (x: number, g: number, decay: number, rate: number, t: number, state: number[]) => number;

const adamUpdate = (g: number, t: number, state: number[]): number => {
  state[0] = BETA1 * (state[0] ?? 0) + (1 - BETA1) * g;
  state[1] = BETA2 * (state[1] ?? 0) + (1 - BETA2) * g * g;
  return state[0] / (1 - BETA1 ** t) / (Math.sqrt(state[1] / (1 - BETA2 ** t)) + EPSILON);
};
const RULES: Readonly<Record<string, { make: (groups: OptimizerGroup[]) => Optimizer; rule: Rule }>> = {
  adamW: {
    make: (groups) => adamW(groups),
    rule: (x, g, decay, rate, t, state) => x - rate * decay * x - rate * adamUpdate(g, t, state),
  },
  adam: {
    make: (groups) => adam(groups),
    rule: (x, g, decay, rate, t, state) => x - rate * adamUpdate(g + decay * x, t, state),
  },
  sgd: {
    make: (groups) => sgd(groups),
    rule: (x, g, decay, rate) => x - rate * (g + decay * x),
  },
  'sgd with momentum': {
    make: (groups) => sgd(groups, { momentum: MOMENTUM }),
    rule: (x, g, decay, rate, t, state) => {
      state[0] = t === 1 ? g + decay * x : MOMENTUM * (state[0] ?? 0) + g + decay * x;
      return x - rate * state[0];
    },
  },
};

/** The loss is half the squared distance to `target`: its gradient is `x − target`. */
async function trained(make: (groups: OptimizerGroup[]) => Optimizer, clip: boolean): Promise<number[]> {
  const groups = GROUPS.map(({ sizes, weightDecay }, group) => ({
    name: `g${group}`,
    weightDecay,
    variables: sizes.map((size, i) =>
      createVariable({ name: `x${group}.${i}`, shape: size % 2 === 0 ? [size / 2, 2] : [size] }),
    ),
  }));
  const optimizer = make(groups);
  const variables = groups.flatMap((group) => group.variables);
  const inputs = {
    rate0: float32(),
    rate1: float32(),
    biasCorrection1: float32(),
    biasCorrection2: float32(),
  };
  const step = defineFunction(inputs, ({ rate0, rate1, ...corrections }) => {
    const gradients = groups.map((group) =>
      group.variables.map((v) => tf.sub(v, tf.sin(tf.reshape(tf.range(0, v.size), v.shape)))),
    );
    const norm = globalNorm(gradients);
    optimizer.apply(
      gradients,
      { learningRates: [rate0, rate1], ...corrections },
      clip ? clipFactor(norm, MAX_NORM) : undefined,
    );
    return { norm };
  });
  const program = await compile({ step }, { engine, mode: 'graph' });
  const names = GROUPS.flatMap(({ sizes }, group) => sizes.map((_, i) => `x${group}.${i}`));
  await program.write(
    new Map(names.map((name, i) => [name, Float32Array.from(wave(variables[i]?.size ?? 0, i))])),
  );
  for (let t = 1; t <= STEPS; t++) {
    await program.run('step', {
      rate0: Float32Array.of(GROUPS[0]?.learningRate ?? 0),
      rate1: Float32Array.of(GROUPS[1]?.learningRate ?? 0),
      biasCorrection1: Float32Array.of(1 - BETA1 ** t),
      biasCorrection2: Float32Array.of(1 - BETA2 ** t),
    });
  }
  const values = await program.read(names);
  await program.dispose();
  for (const variable of [...variables, ...optimizer.state]) variable.dispose();
  return names.flatMap((name) => [...(values.get(name) ?? [])]);
}

function expected(rule: Rule, clip: boolean): number[] {
  const sizes = GROUPS.flatMap(({ sizes: own }, group) => own.map((size) => ({ size, group })));
  const numbers = sizes.flatMap(({ size, group }, i) =>
    wave(size, i).map((x, at) => ({ x, target: Math.sin(at), group: GROUPS[group], state: [] as number[] })),
  );
  for (let t = 1; t <= STEPS; t++) {
    const norm = Math.hypot(...numbers.map(({ x, target }) => x - target));
    const factor = clip ? Math.min(1, MAX_NORM / (norm + 1e-6)) : 1;
    for (const number of numbers) {
      const { weightDecay = 0, learningRate = 0 } = number.group ?? {};
      number.x = rule(
        number.x,
        (number.x - number.target) * factor,
        weightDecay,
        learningRate,
        t,
        number.state,
      );
    }
  }
  return numbers.map(({ x }) => x);
}

describe.each(Object.entries(RULES))('%s', (_, { make, rule }) => {
  it.each([false, true])('follows its formula (clipping: %s)', async (clip) => {
    const wanted = expected(rule, clip);
    // Values are of the order of 1 and go through six float32 steps.
    (await trained(make, clip)).forEach((x, i) =>
      expect(Math.abs(x - (wanted[i] ?? NaN))).toBeLessThan(2e-6),
    );
  });
});

describe('state', () => {
  it('lies beside each parameter, under its name', () => {
    const variables = [
      createVariable({ name: 'a', shape: [2, 3] }),
      createVariable({ name: 'b', shape: [4] }),
    ];
    const group = { name: 'all', weightDecay: 0, variables };
    const named = (optimizer: Optimizer): [string, readonly number[]][] =>
      optimizer.state.map(variableInfo).map(({ name, shape }) => [name, shape]);
    const optimizers = [adamW([group]), sgd([group]), sgd([group], { momentum: 0.9 })];
    expect(optimizers.map(named)).toEqual([
      [
        ['optimizer.adamw.a.exp_avg', [2, 3]],
        ['optimizer.adamw.a.exp_avg_sq', [2, 3]],
        ['optimizer.adamw.b.exp_avg', [4]],
        ['optimizer.adamw.b.exp_avg_sq', [4]],
      ],
      [],
      [
        ['optimizer.sgd.a.momentum_buffer', [2, 3]],
        ['optimizer.sgd.b.momentum_buffer', [4]],
      ],
    ]);
    for (const held of [...variables, ...optimizers.flatMap(({ state }) => state)]) held.dispose();
  });

  it('is refused for what is kept in bfloat16', () => {
    const half = createVariable({ name: 'half', shape: [2], storage: 'bfloat16' });
    const group = { name: 'a', weightDecay: 0, variables: [half] };
    expect(() => adamW([group])).toThrow(/half: a trained variable is not float32/);
    half.dispose();
  });
});
