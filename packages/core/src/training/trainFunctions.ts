// The traced functions of training: loss and gradients (`batchLoss.ts`), clipping, optimizer, moving average.
// Nothing here runs: `compile` turns each function into one program.
import { defineFunction, EngineError, tf } from '@likeness/engine';
import type { FunctionDefinition, Tensor, Variable } from '@likeness/engine';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, StepInput, Trainable } from '../contracts.ts';
import type { RunContainer } from '../di/runContainer.ts';
import { batchInputs, lossAndGradients, lossOf, type BatchLossOptions } from './batchLoss.ts';
import {
  createParameterUpdate,
  shadowsOf,
  type LossAndGradients,
  type ParameterUpdateOptions,
} from './parameterUpdate.ts';
import { findStepInputs, stepInputSpecs, withStepInputs, type DrawnInput } from './stepInputs.ts';
import { trainedBaseWeights } from './trainables.ts';

export interface TrainFunctionsOptions extends BatchLossOptions, ParameterUpdateOptions {
  /** What the trainables read in a step besides the batch. */
  readonly stepInputs?: readonly StepInput[];
  readonly accumulationSteps: number;
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

/** Builds `trainStep`, or `accumulate` and `applyGradients` when gradients of several batches are averaged. */
export function createTrainFunctions(options: TrainFunctionsOptions): TrainFunctions {
  const { groups, accumulationSteps, stepInputs = [] } = options;
  const update = createParameterUpdate(options);
  const { scalars, trained, state, averageOf } = update;
  const variables = groups.flatMap((group) => group.variables);
  const sums = accumulationSteps > 1 ? shadowsOf('gradient', variables) : new Map<Variable, Variable>();
  const dispose = (): void => {
    update.dispose();
    for (const sum of sums.values()) sum.dispose();
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
      return { ...outputs, gradientNorm: update.apply(gradients, inputs) };
    });
    return { functions: { trainStep }, state, trained, averageOf, drawn, dispose };
  }
  const sumOf = (variable: Variable): Variable => {
    const sum = sums.get(variable);
    if (sum === undefined)
      throw new EngineError('a trained variable has no gradient sum', {
        code: 'engine/variables',
        where: variable.name,
      });
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
    const gradientNorm = update.apply(gradients, inputs);
    for (const sum of sums.values()) sum.assign(tf.zerosLike(sum));
    return { gradientNorm };
  });
  return { functions: { accumulate, applyGradients }, state, trained, averageOf, drawn, dispose };
}
