// Adapters whose parts are variables of the run.
import type { Variable } from '@likeness/core';
import type { Dropout } from './adapters/dropout.ts';
import type { PlannedAdapter } from './plan.ts';

export interface HeldPart {
  readonly name: string;
  readonly shape: readonly number[];
  readonly variableName: string;
  readonly variable: Variable;
  /** LoRA+: learns faster than the others. */
  readonly isFast: boolean;
}

export interface HeldAdapter extends Omit<PlannedAdapter, 'parts'> {
  readonly parts: readonly HeldPart[];
  readonly dropout?: Dropout;
  /** First values that are taken off again (PiSSA): A₀ and −B₀. They do not train. */
  readonly origin?: Readonly<Record<'down' | 'up', HeldPart>>;
}
