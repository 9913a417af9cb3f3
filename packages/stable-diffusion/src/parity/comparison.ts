// One line of a parity report: how far our numbers are from the reference's, and whether that is near enough.

export interface Comparison {
  name: string;
  /** Largest |got - want|. NaN when a value is missing, not a number, or nothing was compared. */
  maxAbs: number;
  /** Largest |got - want| / |want| over the elements with want != 0. */
  maxRel: number;
  /** The bound in words, for the report. */
  tolerance: string;
  ok: boolean;
  /** Why nothing was compared, or what to know about the number. */
  note?: string;
}

export interface Tolerance {
  atol: number;
  rtol: number;
}

/** Elementwise `|got - want| <= atol + rtol * |want|`; different lengths fail. NaN equals only NaN. */
export function compareArrays(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { atol, rtol }: Tolerance,
): Comparison {
  const tolerance = atol === 0 && rtol === 0 ? 'exact' : `atol ${short(atol)}, rtol ${short(rtol)}`;
  if (got.length !== want.length) {
    const note = `${got.length} values, the reference has ${want.length}`;
    return { name, maxAbs: NaN, maxRel: NaN, tolerance, ok: false, note };
  }
  let maxAbs = 0;
  let maxRel = 0;
  let ok = true;
  for (let i = 0; i < want.length; i++) {
    const a = got[i] ?? NaN;
    const b = want[i] ?? NaN;
    if (Object.is(a, b) || a === b) continue;
    const difference = Math.abs(a - b);
    // Negated, so that a NaN difference fails and stays visible in the maximum.
    if (!(difference <= maxAbs)) maxAbs = Number.isNaN(maxAbs) ? maxAbs : difference;
    if (b !== 0 && difference / Math.abs(b) > maxRel) maxRel = difference / Math.abs(b);
    if (!(difference <= atol + rtol * Math.abs(b))) ok = false;
  }
  return { name, maxAbs, maxRel, tolerance, ok };
}

/** A case that is left out on purpose. It does not fail a report, and says why. */
export function notCovered(name: string, why: string): Comparison {
  return { name, maxAbs: NaN, maxRel: NaN, tolerance: 'not covered', ok: true, note: why };
}

function short(bound: number): string {
  return bound === 0 ? '0' : bound.toExponential(1).replace('.0e', 'e');
}
