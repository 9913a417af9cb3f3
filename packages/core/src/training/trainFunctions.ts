// The traced functions of training: loss and gradients (`batchLoss.ts`), clipping, optimizer, moving average.
// Nothing here runs: `compile` turns each function into one program.
import {
  adam,
  adamW,
  clipFactor,
  createVariable,
  defineFunction,
  EngineError,
  float32,
  globalNorm,
  sgd,
  tf,
  variableInfo,
} from '@likeness/engine';
import type { FunctionDefinition, Optimizer, OptimizerGroup, Tensor, Variable } from '@likeness/engine';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, StepInput, Trainable } from '../contracts.ts';
import type { RunContainer } from '../di/runContainer.ts';
import type { OptimizerSettings } from '../plugins/definePlugin.ts';
import {
  batchInputs,
  lossAndGradients,
  lossOf,
  type BatchLossOptions,
  type LossAndGradients,
} from './batchLoss.ts';
import { findStepInputs, stepInputSpecs, withStepInputs, type DrawnInput } from './stepInputs.ts';
import { trainedBaseWeights } from './trainables.ts';

export interface TrainFunctionsOptions extends BatchLossOptions {
  readonly optimizer: OptimizerSettings;
  /** What the trainables read in a step besides the batch. */
  readonly stepInputs?: readonly StepInput[];
  readonly accumulationSteps: number;
  /** 0: gradients are not clipped. */
  readonly maxGradNorm: number;
  readonly emaDecay?: number;
}

export interface TrainFunctions {
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** Names of the variables to keep in a checkpoint beside the parameters: optimizer state, moving averages. */
  readonly state: readonly string[];
  /** Names of all trained variables, in order. */
  readonly trained: readonly string[];
  /** Name of a trained variable's moving average, when EMA is on. */
  readonly averageOf: ReadonlyMap<string, string>;
  /** What a gradient computation is fed besides the batch. */
  readonly drawn: readonly DrawnInput[];
  /** Gives back the variables made for training: optimizer state, averages, gradient sums. */
  dispose(): void;
}

/** What a run's config and plugins say about its train functions. */
export function trainOptions({
  config,
  model,
  container,
  trainables,
  latentShape,
}: {
  readonly config: ResolvedConfig;
  readonly model: DiffusionModel;
  readonly container: RunContainer;
  readonly trainables: readonly Trainable[];
  readonly latentShape: readonly [number, number, number];
}): TrainFunctionsOptions {
  return {
    model,
    groups: trainables.flatMap(({ groups }) => groups),
    lossTerms: container.lossTerms,
    optimizer: container.optimizer,
    stepInputs: trainables.flatMap(({ stepInputs = [] }) => stepInputs),
    batchSize: config.trainBatchSize,
    withPrior: container.prior !== undefined,
    priorTarget: container.prior?.target ?? 'generated',
    trainedBaseWeights: trainedBaseWeights(model, trainables),
    latentShape,
    trainsTextEncoder: trainables.some(({ touches }) => touches.includes('text_encoder')),
    accumulationSteps: config.gradientAccumulationSteps,
    maxGradNorm: config.maxGradNorm,
    ...(config.emaDecay === undefined ? {} : { emaDecay: config.emaDecay }),
  };
}

export function createOptimizer(settings: OptimizerSettings, groups: readonly OptimizerGroup[]): Optimizer {
  switch (settings.name) {
    case 'adamw':
      return adamW(groups, settings);
    case 'adam':
      return adam(groups, settings);
    case 'sgd':
      return sgd(groups);
  }
}

/** Builds `trainStep`, or `accumulate` and `applyGradients` when gradients of several batches are averaged. */
export function createTrainFunctions(options: TrainFunctionsOptions): TrainFunctions {
  const { groups, optimizer: settings, accumulationSteps, maxGradNorm, emaDecay, stepInputs = [] } = options;
  const optimizer = createOptimizer(
    settings,
    groups.map(({ name, variables, weightDecay = settings.weightDecay }) => ({
      name,
      variables,
      weightDecay,
    })),
  );
  const variables = groups.flatMap((group) => group.variables);
  const nameOf = new Map(variables.map((variable) => [variable, variableInfo(variable).name]));
  const shadow = (prefix: string, of: readonly Variable[]): Map<Variable, Variable> =>
    new Map(
      of.map((variable) => [
        variable,
        createVariable({ name: `${prefix}.${nameOf.get(variable) ?? ''}`, shape: variable.shape }),
      ]),
    );
  const averages = emaDecay === undefined ? new Map<Variable, Variable>() : shadow('ema', variables);
  const sums = accumulationSteps > 1 ? shadow('gradient', variables) : new Map<Variable, Variable>();

  const scalars = {
    ...Object.fromEntries(groups.map((_, i) => [`learningRate${i}`, float32()])),
    biasCorrection1: float32(),
    biasCorrection2: float32(),
    ...(emaDecay === undefined ? {} : { emaDecay: float32() }),
  };
  /** Clips, updates, averages; returns the norm before clipping. */
  const update = (
    gradients: readonly (readonly Tensor[])[],
    inputs: Readonly<Record<string, Tensor>>,
  ): Tensor => {
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
  };

  const state = [...optimizer.state, ...averages.values()].map((variable) => variableInfo(variable).name);
  const trained = variables.map((variable) => nameOf.get(variable) ?? '');
  const averageOf = new Map(
    [...averages].map(([variable, average]) => [nameOf.get(variable) ?? '', variableInfo(average).name]),
  );

  const dispose = (): void => {
    for (const variable of [...optimizer.state, ...averages.values(), ...sums.values()]) variable.dispose();
  };

  const drawn = findStepInputs(stepInputs, batchInputs(options), (inputs) => ({
    total: lossOf(options, inputs).total,
  }));
  const gradientInputs = { ...batchInputs(options), ...stepInputSpecs(drawn) };
  const gradientsOf = (inputs: Readonly<Record<string, Tensor>>): LossAndGradients =>
    withStepInputs(drawn, inputs, () => lossAndGradients(options, inputs));
  if (accumulationSteps === 1) {
    const trainStep = defineFunction({ ...gradientInputs, ...scalars }, (inputs) => {
      const { outputs, gradients } = gradientsOf(inputs);
      return { ...outputs, gradientNorm: update(gradients, inputs) };
    });
    return { functions: { trainStep }, state, trained, averageOf, drawn, dispose };
  }
  const sumOf = (variable: Variable): Variable => {
    const sum = sums.get(variable);
    if (sum === undefined)
      throw new EngineError('a trained variable has no gradient sum', { where: variable.name });
    return sum;
  };
  const accumulate = defineFunction(gradientInputs, (inputs) => {
    const { outputs, gradients } = gradientsOf(inputs);
    gradients.flat().forEach((gradient, i) => {
      const variable = variables[i];
      if (variable) sumOf(variable).assign(tf.add(sumOf(variable), tf.div(gradient, accumulationSteps)));
    });
    return outputs;
  });
  const applyGradients = defineFunction(scalars, (inputs) => {
    const gradients = groups.map((group) => group.variables.map((variable) => tf.add(sumOf(variable), 0)));
    const gradientNorm = update(gradients, inputs);
    for (const sum of sums.values()) sum.assign(tf.zerosLike(sum));
    return { gradientNorm };
  });
  return { functions: { accumulate, applyGradients }, state, trained, averageOf, drawn, dispose };
}
