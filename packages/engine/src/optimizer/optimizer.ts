// What every optimizer is: traced code that turns gradients into assignments, with its state in variables.
// Gradients are fused into flat buckets, so that a step is a few large loops instead of thousands of small ones.
import { EngineError } from '../errors.ts';
import { elements } from '../graph/graph.ts';
import { tf, type Tensor, type Tensor1D, type Variable } from '../tf.ts';
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

/** Elements of a bucket: 64 MB of float32. A larger parameter is a bucket of its own. */
const BUCKET_ELEMENTS = 16 * 2 ** 20;

/** A run of parameters updated together. */
export interface Bucket {
  readonly group: number;
  readonly variables: readonly Variable[];
  readonly size: number;
  /** One flat state variable per slot name. */
  readonly slots: Readonly<Record<string, Variable>>;
}

/** Splits the groups into buckets and creates their state. */
export function createBuckets(
  groups: readonly OptimizerGroup[],
  optimizer: string,
  slots: readonly string[],
): Bucket[] {
  const buckets: Bucket[] = [];
  groups.forEach(({ name, variables }, group) => {
    let members: Variable[] = [];
    let size = 0;
    const close = (): void => {
      if (members.length === 0) return;
      const prefix = `optimizer.${optimizer}.${name}.${buckets.length}`;
      const state = slots.map(
        (slot) => [slot, createVariable({ name: `${prefix}.${slot}`, shape: [size] })] as const,
      );
      buckets.push({ group, variables: members, size, slots: Object.fromEntries(state) });
      members = [];
      size = 0;
    };
    for (const variable of variables) {
      const { storage, name: variableName } = variableInfo(variable);
      if (storage !== 'float32') {
        throw new EngineError('a trained variable is not float32', {
          where: variableName,
          got: storage,
          cure: 'hold only frozen weights in bfloat16',
        });
      }
      if (size + variable.size > BUCKET_ELEMENTS) close();
      members.push(variable);
      size += variable.size;
    }
    close();
  });
  return buckets;
}

/** Gradients of a bucket as one vector. */
export function flatGradient(
  bucket: Bucket,
  gradients: readonly Tensor[],
  first: number,
  clip?: Tensor,
): Tensor1D {
  const parts = bucket.variables.map((variable, i) => {
    const gradient = gradients[first + i];
    if (gradient === undefined) throw new EngineError('a gradient is missing', { where: variable.name });
    return tf.reshape(gradient, [variable.size]) as Tensor1D;
  });
  const flat = parts.length === 1 && parts[0] ? parts[0] : tf.concat1d(parts);
  return clip ? tf.mul(flat, clip) : flat;
}

/** Assigns `variable ← variable · keep − update`, cutting the bucket's flat update into the parameters' shapes. */
export function assignUpdate(bucket: Bucket, update: Tensor1D, keep?: Tensor): void {
  let offset = 0;
  for (const variable of bucket.variables) {
    const size = elements(variable.shape);
    const part = tf.reshape(tf.slice1d(update, offset, size), variable.shape);
    variable.assign(tf.sub(keep ? tf.mul(variable, keep) : variable, part));
    offset += size;
  }
}

/** Runs `update` for every bucket with its place among its group's gradients. */
export function forEachBucket(
  buckets: readonly Bucket[],
  update: (bucket: Bucket, first: number) => void,
): void {
  let [group, first] = [-1, 0];
  for (const bucket of buckets) {
    if (bucket.group !== group) [group, first] = [bucket.group, 0];
    update(bucket, first);
    first += bucket.variables.length;
  }
}

/** Euclidean norm over all gradients (torch.nn.utils.clip_grad_norm_). Scalar. */
export function globalNorm(gradients: readonly (readonly Tensor[])[]): Tensor {
  const squares = gradients.flat().map((gradient) => tf.sum(tf.square(gradient)));
  return tf.sqrt(tf.addN(squares));
}

/** Factor that brings the norm down to `maxNorm`, as torch.nn.utils.clip_grad_norm_ computes it. Scalar. */
export const clipFactor = (norm: Tensor, maxNorm: number): Tensor =>
  tf.minimum(1, tf.div(maxNorm, tf.add(norm, 1e-6)));
