// What a shape rule sees of an op, and the few pieces most rules share.
import { EngineError } from '../errors.ts';
import type { Attr, GraphDType, Value } from '../graph/graph.ts';

/** Shape and type of one output. */
export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
}

/** An op about to be recorded. */
export interface OpCall {
  readonly op: string;
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly inputs: readonly Value[];
  /** Elements of input `index`, which must be a constant (axes, shapes, paddings). */
  constant(index: number): readonly number[];
}

/** Infers the outputs of an op from its inputs, as TensorFlow's own shape functions do (`core/ops/*.cc`). */
export type ShapeRule = (call: OpCall) => readonly OutputSpec[];

export function input(call: OpCall, index: number): Value {
  const value = call.inputs[index];
  if (value === undefined) {
    throw new EngineError(`input ${index} is missing`, {
      code: 'engine/shapes',
      where: call.op,
      got: `${call.inputs.length} inputs`,
    });
  }
  return value;
}

export function intAttr(call: OpCall, name: string, otherwise = 0): number {
  const attr = call.attrs[name];
  return attr?.kind === 'int' ? attr.value : otherwise;
}

export function intsAttr(call: OpCall, name: string): readonly number[] {
  const attr = call.attrs[name];
  return attr?.kind === 'ints' ? attr.value : [];
}

export function stringAttr(call: OpCall, name: string): string {
  const attr = call.attrs[name];
  return attr?.kind === 'string' ? attr.value : '';
}

export function boolAttr(call: OpCall, name: string): boolean {
  const attr = call.attrs[name];
  return attr?.kind === 'bool' && attr.value;
}

export function typeAttr(call: OpCall, name: string, otherwise: GraphDType): GraphDType {
  const attr = call.attrs[name];
  return attr?.kind === 'type' ? attr.value : otherwise;
}

export const one = (shape: readonly number[], dtype: GraphDType): readonly OutputSpec[] => [{ shape, dtype }];

/** NumPy broadcasting. @throws EngineError when the shapes do not broadcast. */
export function broadcastShapes(op: string, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new EngineError('shapes do not broadcast', {
        code: 'engine/shapes',
        where: op,
        got: `[${a.join()}] and [${b.join()}]`,
      });
    }
    return x === 1 ? y : x;
  });
}

/** Axis counted from the front. */
export const positiveAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Size `index` of a shape; shapes come from checked tensors, so the index exists. */
export const dim = (shape: readonly number[], index: number): number => shape[index] ?? 1;
