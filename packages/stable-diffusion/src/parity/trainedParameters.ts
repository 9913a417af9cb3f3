// Gradients and values of trained parameters against the reference's: the norm of every one, and the elements of those
// the folder holds in full.
import type { DiffusionModel, Parameter } from '@likeness/core';
import { variableInfo, type TypedData } from '@likeness/engine';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import type { ReferenceParameter, ReferenceRun } from './dreamboothSteps.ts';
import { withRounding } from './rounding.ts';

type Arrays = ReadonlyMap<string, TypedData>;

/** Norms of final values, as the folder's note has it. */
const FINAL_NORM_RTOL = 1e-4;

/** Gradients of the first step, by variable. */
export function compareGradients(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceRun,
): Iterable<Comparison> {
  const { tolerance } = reference;
  return compareParameters(got, model, reference, {
    kind: 'grad0',
    norm: ({ grad0_norm: norm }) => norm,
    normTolerance: () => tolerance,
    valueTolerance: ({ grad0_fp32_vs_fp64: rounding }) => withRounding(tolerance, rounding),
  });
}

/** Values after the last step, by variable. Adam makes visible steps of the rounding of a gradient that is nearly zero. */
export function compareFinalValues(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceRun,
): Iterable<Comparison> {
  const atol = ({ final_fp32_vs_fp64: rounding }: ReferenceParameter): number =>
    Math.max(1e-5, 20 * rounding);
  return compareParameters(got, model, reference, {
    kind: 'final',
    norm: ({ final_norm: norm }) => norm,
    normTolerance: (parameter) => ({ atol: atol(parameter), rtol: FINAL_NORM_RTOL }),
    valueTolerance: (parameter) => ({ atol: atol(parameter), rtol: 0 }),
  });
}

interface Quantity {
  readonly kind: 'grad0' | 'final';
  readonly norm: (parameter: ReferenceParameter) => number;
  readonly normTolerance: (parameter: ReferenceParameter) => Tolerance;
  readonly valueTolerance: (parameter: ReferenceParameter) => Tolerance;
}

function* compareParameters(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceRun,
  { kind, norm, normTolerance, valueTolerance }: Quantity,
): Iterable<Comparison> {
  const { name, params, own } = reference;
  const norms: Comparison[] = [];
  for (const key of new Set([...Object.keys(params), ...got.keys()])) {
    const wanted = params[key];
    const label = `${name}.${kind}_norm.${key}`;
    if (wanted)
      norms.push(compareArrays(label, [l2Norm(got.get(key))], [norm(wanted)], normTolerance(wanted)));
    else norms.push({ ...missing(label), note: 'trained here, not in the reference' });
  }
  yield* together(`${name}.${kind}_norm`, norms);

  for (const [key, parameter] of trainedParameters(model)) {
    const [values, wanted] = [got.get(key), params[key]];
    if (values === undefined || wanted === undefined) continue;
    const label = `${name}.${kind}.${key}`;
    const full = own(`${kind}.${key}`);
    if (full) yield compareArrays(label, asInFile(values, parameter), full.data, valueTolerance(wanted));
    const [ids, rows] = [own('used_token_ids'), own(`${kind}.token_rows`)];
    if (ids && rows && parameter.key.endsWith('token_embedding.weight')) {
      const picked = pickRows(values, ids.data, parameter.shape[1] ?? 0);
      yield compareArrays(`${label}, rows of the prompts`, picked, rows.data, valueTolerance(wanted));
    }
  }
}

/** One line for many comparisons, after a line for each that fails. */
function* together(name: string, comparisons: readonly Comparison[]): Iterable<Comparison> {
  yield* comparisons.filter(({ ok }) => !ok);
  yield {
    name: `${name} of all ${comparisons.length} parameters`,
    maxAbs: Math.max(...comparisons.map(({ maxAbs }) => maxAbs)),
    maxRel: Math.max(...comparisons.map(({ maxRel }) => maxRel)),
    tolerance:
      [...new Set(comparisons.map(({ tolerance }) => tolerance))].length === 1
        ? (comparisons[0]?.tolerance ?? '')
        : 'by parameter',
    ok: comparisons.length > 0 && comparisons.every(({ ok }) => ok),
  };
}

const missing = (name: string): Comparison => ({
  name,
  maxAbs: NaN,
  maxRel: NaN,
  tolerance: 'none',
  ok: false,
});

/** Parameters by variable. */
function trainedParameters({ noisePredictor, textEncoder }: DiffusionModel): Map<string, Parameter> {
  const all = [noisePredictor, textEncoder].flatMap(({ parameters }) => [...parameters.entries().values()]);
  return new Map(all.map((parameter) => [variableInfo(parameter.variable).name, parameter]));
}

/** NaN for what is missing: it equals nothing. */
function l2Norm(values: TypedData | undefined): number {
  if (values === undefined) return NaN;
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** From the variable's layout to the checkpoint's: `[h, w, in, out]` → `[out, in, h, w]`. */
function asInFile(values: TypedData, { layout, shape }: Parameter): TypedData {
  if (layout === 'asIs') return values;
  const [outputs = 1, inputs = 1, height = 1, width = 1] = shape;
  const [pixels, planes] = [height * width, inputs * outputs];
  return Float32Array.from(values, (_, i) => {
    const [plane, pixel] = [Math.floor(i / pixels), i % pixels];
    const [output, input] = [Math.floor(plane / inputs), plane % inputs];
    return values[pixel * planes + input * outputs + output] ?? NaN;
  });
}

function pickRows(values: TypedData, rows: ArrayLike<number>, width: number): number[] {
  return Array.from(rows).flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]);
}
