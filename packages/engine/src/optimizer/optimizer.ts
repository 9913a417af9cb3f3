// What every optimizer is: traced code that turns gradients into assignments, with its state in variables beside the
// parameters. One rule is traced for each parameter: XLA compiles it once for all parameters of a shape and updates
// them in place. (One flat vector for all would need code of its own for every parameter's place in it.)
import { EngineError } from '../errors.ts';
import { tf, valueId, type Tensor, type Variable } from '../tf.ts';
import { createVariable, variableInfo } from '../variables.ts';

/** Variables that train with one learning rate and weight decay. */
export interface OptimizerGroup {
  readonly name: string;
  readonly variables: readonly Variable[];
  readonly weightDecay: number;
}

/** Numbers that change from step to step; scalars fed into the step. */
export interface StepScalars {
  /** Learning rate of each group, in order. */
  readonly learningRates: readonly Tensor[];
  /** Adam's 1 - β₁ᵗ and 1 - β₂ᵗ. */
  readonly biasCorrection1: Tensor;
  readonly biasCorrection2: Tensor;
}

export interface Optimizer {
  readonly groups: readonly OptimizerGroup[];
  /** Variables to keep in a checkpoint beside the parameters. */
  readonly state: readonly Variable[];
  /**
   * Traced: assigns every variable its next value.
   * @param gradients one per variable, by group
   * @param clip factor on all gradients, from global-norm clipping
   */
  apply(gradients: readonly (readonly Tensor[])[], scalars: StepScalars, clip?: Tensor): void;
}

/** One parameter, its gradient and its state, by slot name. */
export interface ParameterUpdate<Slot extends string> {
  readonly parameter: Variable;
  readonly gradient: Tensor;
  readonly slots: Readonly<Record<Slot, Variable>>;
}

/** Traced once a step and group: what its parameters share, and then the rule for each of them. */
export type GroupRule<Slot extends string> = (
  group: OptimizerGroup,
  learningRate: Tensor,
  scalars: StepScalars,
) => (update: ParameterUpdate<Slot>) => void;

/**
 * An optimizer from its rule. State is named `optimizer.<name>.<parameter>.<slot>`, as in torch's `state_dict`.
 * @throws EngineError for a parameter that is not kept in float32
 */
export function createOptimizer<Slot extends string>(
  groups: readonly OptimizerGroup[],
  name: string,
  slotNames: readonly Slot[],
  rule: GroupRule<Slot>,
): Optimizer {
  const slotsOf = (variable: Variable): Record<Slot, Variable> => {
    const { storage, shape, name: parameter } = variableInfo(variable);
    if (storage !== 'float32') {
      const hint = 'hold only frozen weights in bfloat16';
      throw new EngineError('a trained variable is not float32', {
        code: 'engine/optimizer',
        where: parameter,
        got: storage,
        hint,
      });
    }
    const slots = slotNames.map((slot) => {
      return [slot, createVariable({ name: `optimizer.${name}.${parameter}.${slot}`, shape })] as const;
    });
    return Object.fromEntries(slots) as Record<Slot, Variable>;
  };
  const slots = groups.map(({ variables }) => variables.map(slotsOf));
  return {
    groups,
    state: slots.flat().flatMap((own) => Object.values<Variable>(own)),
    apply(gradients, scalars, clip) {
      groups.forEach((group, g) => {
        const learningRate = scalars.learningRates[g];
        if (learningRate === undefined)
          throw new EngineError('a group has no learning rate', {
            code: 'engine/optimizer',
            where: group.name,
          });
        const update = rule(group, learningRate, scalars);
        group.variables.forEach((parameter, i) => {
          const gradient = gradients[g]?.[i];
          const own = slots[g]?.[i];
          if (gradient === undefined || own === undefined) {
            throw new EngineError('a gradient is missing', {
              code: 'engine/optimizer',
              where: variableInfo(parameter).name,
            });
          }
          update({ parameter, gradient: clip ? tf.mul(gradient, clip) : gradient, slots: own });
        });
      });
    },
  };
}

/**
 * Euclidean norm over all gradients (torch.nn.utils.clip_grad_norm_). Scalar.
 *
 * They are summed in the order the backward pass makes them. XLA schedules from the result back, depth first: starting
 * with the gradient that is made last, it would keep what all others are made from until then.
 */
export function globalNorm(gradients: readonly (readonly Tensor[])[]): Tensor {
  const asMade = gradients.flat().sort((a, b) => valueId(a) - valueId(b));
  return tf.sqrt(tf.addN(asMade.map((gradient) => tf.sum(tf.square(gradient)))));
}

/** Factor that brings the norm down to `maxNorm`, as torch.nn.utils.clip_grad_norm_ computes it. Scalar. */
export const clipFactor = (norm: Tensor, maxNorm: number): Tensor =>
  tf.minimum(1, tf.div(maxNorm, tf.add(norm, 1e-6)));
