// A position table for another grid of patches than the trained one: bicubic interpolation, as a matrix from the
// table's rows to the grid's places, so that it is one product and gradients pass.
// Reference: torch's `interpolate(mode='bicubic', align_corners=False)` as transformers' `interpolate_pos_encoding` calls
// it; aten/src/ATen/native/UpSample.h, and UpSampleKernel.cpp for antialias, which means another kernel as well.

export interface PositionScaling {
  /** Side of the trained grid, patches. */
  readonly trained: number;
  readonly rows: number;
  readonly columns: number;
  /** Average over all trained patches a new one covers (with registers), rather than take four around its middle. */
  readonly antialias: boolean;
}

/** `[rows · columns, trained²]`, row by row; undefined where the grid is the trained one. */
export function positionWeights({
  trained,
  rows,
  columns,
  antialias,
}: PositionScaling): Float32Array | undefined {
  if (rows === trained && columns === trained) return undefined;
  const weightsFor = antialias ? antialiasedWeights : bicubicWeights;
  const [down, across] = [weightsFor(trained, rows), weightsFor(trained, columns)];
  const weights = new Float32Array(rows * columns * trained * trained);
  let at = 0;
  for (const vertical of down) {
    for (const horizontal of across) {
      for (const y of vertical) for (const x of horizontal) weights[at++] = y * x;
    }
  }
  return weights;
}

/** Keys' cubic kernel; `a` is its slope at 1. */
function cubic(x: number, a: number): number {
  const t = Math.abs(x);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/** Four neighbours of each new place; beyond the border the border's value. */
function bicubicWeights(from: number, to: number): number[][] {
  return Array.from({ length: to }, (_, i) => {
    const center = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(center);
    const row = new Array<number>(from).fill(0);
    for (let j = first - 1; j <= first + 2; j++) {
      const place = Math.min(from - 1, Math.max(0, j));
      row[place] = (row[place] ?? 0) + cubic(center - j, -0.75);
    }
    return row;
  });
}

/** The kernel as wide as a new place where there are fewer of them; cut at the border and normalised. */
function antialiasedWeights(from: number, to: number): number[][] {
  const scale = from / to;
  const width = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5);
    const first = Math.max(0, Math.trunc(center - 2 * width + 0.5));
    const end = Math.min(from, Math.trunc(center + 2 * width + 0.5));
    const row = Array.from({ length: from }, (__, j) =>
      j >= first && j < end ? cubic((j - center + 0.5) / width, -0.5) : 0,
    );
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((weight) => weight / sum);
  });
}
