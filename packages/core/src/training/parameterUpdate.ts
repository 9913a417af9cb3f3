// What follows a loss, whatever it is the loss of: gradients, clipping, the optimizer's rule, moving averages.
// Traced code; `trainStep` of a run and of pretraining are made of it.
import {
  adam,
  adamW,
  clipFactor,
  createVariable,
  defineFunction,
  float32,
  globalNorm,
  sgd,
  tf,
  variableInfo,
} from '@likeness/engine';
import type {
  FunctionDefinition,
  Optimizer,
  OptimizerGroup,
  Tensor,
  TensorSpec,
  TypedData,
  Variable,
} from '@likeness/engine';
import type { ParameterGroup } from '../contracts.ts';
import type { OptimizerSettings } from '../plugins/definePlugin.ts';

export interface ParameterUpdateOptions {
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: OptimizerSettings;
  /** 0: gradients are not clipped. */
  readonly maxGradNorm: number;
  /** Keeps a moving average of every trained variable. */
  readonly emaDecay?: number;
}

/** Updates of the trained variables, with the variables they need. */
export interface ParameterUpdate {
  /** Inputs every step has besides its batch; `updateScalars` fills them. */
  readonly scalars: Readonly<Record<string, TensorSpec>>;
  /** Traced: clips, updates, averages; returns the global norm before clipping. Gradients by group, one a variable. */
  apply(gradients: readonly (readonly Tensor[])[], inputs: Readonly<Record<string, Tensor>>): Tensor;
  /** Names of all trained variables, in order. */
  readonly trained: readonly string[];
  /** Names of the variables to keep in a checkpoint beside the parameters: optimizer state, moving averages. */
  readonly state: readonly string[];
  /** Name of a trained variable's moving average, when EMA is on. */
  readonly averageOf: ReadonlyMap<string, string>;
  /**
   * Exchanges every trained variable with its average, exactly: called before pictures or measures are made of the
   * averaged weights, and again afterwards. Its one input, `one`, is fed a 1. Undefined without EMA.
   */
  readonly swapAverages: FunctionDefinition | undefined;
  /** Gives back the variables made for it. */
  dispose(): void;
}

export function createParameterUpdate({
  groups,
  optimizer: settings,
  maxGradNorm,
  emaDecay,
}: ParameterUpdateOptions): ParameterUpdate {
  const optimizer = createOptimizer(
    settings,
    groups.map(({ name, variables, weightDecay = settings.weightDecay }) => ({
      name,
      variables,
      weightDecay,
    })),
  );
  const variables = groups.flatMap((group) => group.variables);
  const nameOf = (variable: Variable): string => variableInfo(variable).name;
  const averages = emaDecay === undefined ? new Map<Variable, Variable>() : shadowsOf('ema', variables);
  const scalars = {
    ...Object.fromEntries(groups.map((_, i) => [`learningRate${i}`, float32()])),
    biasCorrection1: float32(),
    biasCorrection2: float32(),
    ...(emaDecay === undefined ? {} : { emaDecay: float32() }),
  };
  return {
    scalars,
    apply(gradients, inputs) {
      const scalar = (name: string): Tensor => inputs[name] ?? tf.scalar(0);
      const norm = globalNorm(gradients);
      optimizer.apply(
        gradients,
        {
          learningRates: groups.map((_, i) => scalar(`learningRate${i}`)),
          biasCorrection1: scalar('biasCorrection1'),
          biasCorrection2: scalar('biasCorrection2'),
        },
        maxGradNorm > 0 ? clipFactor(norm, maxGradNorm) : undefined,
      );
      for (const [variable, average] of averages) {
        average.assign(tf.add(variable, tf.mul(scalar('emaDecay'), tf.sub(average, variable))));
      }
      return norm;
    },
    trained: variables.map(nameOf),
    state: [...optimizer.state, ...averages.values()].map(nameOf),
    averageOf: new Map([...averages].map(([variable, average]) => [nameOf(variable), nameOf(average)])),
    swapAverages: averages.size === 0 ? undefined : swapFunction(averages),
    dispose() {
      for (const variable of [...optimizer.state, ...averages.values()]) variable.dispose();
    },
  };
}

/** A variable of the same shape beside each, named `prefix.NAME`. */
export function shadowsOf(prefix: string, variables: readonly Variable[]): Map<Variable, Variable> {
  return new Map(
    variables.map((variable) => [
      variable,
      createVariable({ name: `${prefix}.${variableInfo(variable).name}`, shape: variable.shape }),
    ]),
  );
}

function swapFunction(averages: ReadonlyMap<Variable, Variable>): FunctionDefinition {
  return defineFunction({ one: float32() }, ({ one }) => {
    // Multiplying by an input keeps both values apart, so that no assignment sees the one before it; x · 1 is x, -0 too.
    for (const [variable, average] of averages) {
      const [value, averaged] = [tf.mul(variable, one), tf.mul(average, one)];
      variable.assign(averaged);
      average.assign(value);
    }
    return { one };
  });
}

function createOptimizer(settings: OptimizerSettings, groups: readonly OptimizerGroup[]): Optimizer {
  switch (settings.name) {
    case 'adamw':
      return adamW(groups, settings);
    case 'adam':
      return adam(groups, settings);
    case 'sgd':
      return sgd(groups);
  }
}

export interface LossAndGradients {
  /** `loss`, and `term.NAME` for each term. */
  readonly outputs: Record<string, Tensor>;
  /** By group, one per variable. */
  readonly gradients: Tensor[][];
}

/** A loss with the terms it was summed from. */
export interface ComposedLoss {
  readonly total: Tensor;
  readonly terms: ReadonlyMap<string, Tensor>;
}

/** Traced: a loss, its terms, and the gradients of all trained variables; zero for one the loss does not see. */
export function gradientsOf(
  groups: readonly Pick<ParameterGroup, 'variables'>[],
  compute: () => ComposedLoss,
): LossAndGradients {
  const variables = groups.flatMap((group) => group.variables);
  let terms: ReadonlyMap<string, Tensor> = new Map();
  const { value, grads } = tf.variableGrads(() => {
    const composed = compute();
    terms = new Map([...composed.terms].map(([name, term]) => [name, tf.keep(term)]));
    return composed.total as ReturnType<typeof tf.scalar>;
  }, variables as Variable[]);
  const gradients = groups.map((group) =>
    group.variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable)),
  );
  const named = [...terms].map(([name, term]) => [`term.${name}`, term] as const);
  return { outputs: { loss: value, ...Object.fromEntries(named) }, gradients };
}

export interface UpdateScalarOptions {
  /** By group, schedule applied. */
  readonly learningRates: readonly number[];
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly emaDecay?: number | undefined;
}

/**
 * What `ParameterUpdate.scalars` are fed at a step.
 * @param step 0-based
 */
export function updateScalars(
  step: number,
  { learningRates, adamBeta1, adamBeta2, emaDecay }: UpdateScalarOptions,
): Record<string, TypedData> {
  const t = step + 1;
  return {
    ...Object.fromEntries(learningRates.map((rate, i) => [`learningRate${i}`, Float32Array.of(rate)])),
    biasCorrection1: Float32Array.of(1 - adamBeta1 ** t),
    biasCorrection2: Float32Array.of(1 - adamBeta2 ** t),
    ...(emaDecay === undefined ? {} : { emaDecay: Float32Array.of(averageDecay(step, emaDecay)) }),
  };
}

/**
 * Decay of the moving average at a step: 0, then from 2/11 up to the one asked for, as diffusers' EMAModel, so that
 * early averages forget the start. The first step's 0 makes the average the weights themselves.
 */
function averageDecay(step: number, decay: number): number {
  return step === 0 ? 0 : Math.min(decay, (1 + step) / (10 + step));
}
