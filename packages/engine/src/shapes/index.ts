// All shape rules: an op without one cannot be traced.
import { ARRAYS } from './arrays.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LINEAR_ALGEBRA } from './linearAlgebra.ts';
import type { ShapeRule } from './rule.ts';

export const SHAPE_RULES: Readonly<Record<string, ShapeRule>> = {
  ...ELEMENTWISE,
  ...ARRAYS,
  ...LINEAR_ALGEBRA,
};
export type { OpCall, OutputSpec, ShapeRule } from './rule.ts';
