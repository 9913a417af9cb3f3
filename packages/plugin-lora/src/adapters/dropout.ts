// Dropout of adapters while they train, as kohya and LyCORIS have it: of single numbers, of whole ranks, of whole
// adapters. What is drawn are masks, drawn by core for every step and fed; where none is at hand (sampling, exported
// files) nothing is dropped.
//
// Reference: kohya-ss/sd-scripts, networks/lora.py (`LoRAModule.forward`); LyCORIS, modules/locon.py (`make_weight`).
import { createStepInput, tf, type StepInput, type Tensor } from '@likeness/core';

/** Probabilities, 0: never. */
export interface DropoutRates {
  /** Of each number between LoRA's way down and its way up. */
  readonly dropout: number;
  /** Of each rank, for each picture of the batch; of each row of ΔW where no narrow states exist (DoRA, LoHa, LoKr). */
  readonly rankDropout: number;
  /** Of the whole adapter, for the whole batch. */
  readonly moduleDropout: number;
}

/** An adapter's masks. */
export interface Dropout {
  readonly inputs: readonly StepInput[];
  /** Traced: of LoRA's narrow states `[B, …, r]`. */
  narrow(states: Tensor): Tensor;
  /** Traced: of ΔW as it is held, whose outputs lie along `outAxis`. */
  rows(change: Tensor, outAxis: number): Tensor;
  /** Traced: 1 or 0 for the whole adapter. */
  module(): Tensor | undefined;
}

/**
 * @param name of the adapter, unique in a run
 * @returns nothing when nothing is ever dropped
 */
export function createDropout(
  name: string,
  { dropout, rankDropout, moduleDropout }: DropoutRates,
): Dropout | undefined {
  const made = (kind: string, rate: number, kept: number): StepInput | undefined =>
    rate === 0
      ? undefined
      : createStepInput({
          name: `${name}.${kind}`,
          draw: (stream, count) => stream.uniform(count).map((value) => (value < rate ? 0 : kept)),
        });
  const single = made('dropout', dropout, 1 / (1 - dropout));
  const rank = made('rankDropout', rankDropout, 1 / (1 - rankDropout));
  // As kohya: what is left is not scaled up, the layer is simply itself now and then.
  const whole = made('moduleDropout', moduleDropout, 1);
  const inputs = [single, rank, whole].filter((input) => input !== undefined);
  if (inputs.length === 0) return undefined;
  return {
    inputs,
    narrow: (states) => {
      const [batch = 1, ...inner] = states.shape;
      const ofRank = [batch, ...inner.slice(0, -1).map(() => 1), inner.at(-1) ?? 1];
      return masked(masked(states, single?.read(states.shape)), rank?.read(ofRank));
    },
    rows: (change, outAxis) =>
      masked(change, rank?.read(change.shape.map((size, axis) => (axis === outAxis ? size : 1)))),
    module: () => whole?.read([1]),
  };
}

const masked = (tensor: Tensor, mask: Tensor | undefined): Tensor => (mask ? tf.mul(tensor, mask) : tensor);
