// Reference numbers are stored channels first, as torch keeps them; ours lie channels last.

/** `[B, C, H, W]` → `[B, H, W, C]`. */
export function toChannelsLast(data: ArrayLike<number>, shape: readonly number[]): Float32Array {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  return permute(data, batch, channels, height * width);
}

/** `[B, H, W, C]` → `[B, C, H, W]`; `shape` is the result's. */
export function toChannelsFirst(data: ArrayLike<number>, shape: readonly number[]): Float32Array {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  return permute(data, batch, height * width, channels);
}

/** Swaps the two inner axes of `[batch, rows, columns]`. */
function permute(data: ArrayLike<number>, batch: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(batch * rows * columns);
  for (let b = 0; b < batch; b++) {
    const start = b * rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        result[start + column * rows + row] = data[start + row * columns + column] ?? NaN;
      }
    }
  }
  return result;
}
