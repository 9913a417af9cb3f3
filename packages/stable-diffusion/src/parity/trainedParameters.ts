// Gradients and values of trained parameters against the reference's: the norm of every one, and the elements of those
// the folder holds in full.
import type { DiffusionModel, Parameter } from '@likeness/core';
import { variableInfo, type TypedData } from '@likeness/engine';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { compareFinalArray, finalNormTolerance, l2Norm } from './finalValues.ts';
import { withRounding } from './rounding.ts';
import type { ReferenceParameter, ReferenceVariant } from './stepsFile.ts';

type Arrays = ReadonlyMap<string, TypedData>;

/** Gradients of the first step, by variable. */
export function compareGradients(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceVariant<unknown>,
): Iterable<Comparison> {
  const { tolerance } = reference;
  return compareParameters(got, model, reference, {
    kind: 'grad0',
    norm: ({ grad0_norm: norm }) => norm,
    normTolerance: () => tolerance,
    values: (label, ours, theirs, { grad0_fp32_vs_fp64: rounding }) =>
      compareArrays(label, ours, theirs, withRounding(tolerance, rounding)),
  });
}

/** Values after the last step, by variable. */
export function compareFinalValues(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceVariant<unknown>,
): Iterable<Comparison> {
  const { settings, steps } = reference;
  const reach = { learningRate: settings.lr, steps: steps.length };
  return compareParameters(got, model, reference, {
    kind: 'final',
    norm: ({ final_norm: norm }) => norm,
    normTolerance: ({ final_fp32_vs_fp64: rounding }) => finalNormTolerance(rounding),
    values: (label, ours, theirs, { final_fp32_vs_fp64: rounding }) =>
      compareFinalArray(label, ours, theirs, { fp32VsFp64: rounding, ...reach }),
  });
}

interface Quantity {
  readonly kind: 'grad0' | 'final';
  readonly norm: (parameter: ReferenceParameter) => number;
  readonly normTolerance: (parameter: ReferenceParameter) => Tolerance;
  readonly values: (
    label: string,
    got: ArrayLike<number>,
    want: ArrayLike<number>,
    parameter: ReferenceParameter,
  ) => Comparison;
}

function* compareParameters(
  got: Arrays,
  model: DiffusionModel,
  reference: ReferenceVariant<unknown>,
  { kind, norm, normTolerance, values: compareValues }: Quantity,
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
    if (full) yield compareValues(label, asInFile(values, parameter), full.data, wanted);
    const [ids, rows] = [own('used_token_ids'), own(`${kind}.token_rows`)];
    if (ids && rows && parameter.key.endsWith('token_embedding.weight')) {
      const picked = pickRows(values, ids.data, parameter.shape[1] ?? 0);
      yield compareValues(`${label}, rows of the prompts`, picked, rows.data, wanted);
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
