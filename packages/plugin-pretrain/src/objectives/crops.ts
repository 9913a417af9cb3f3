// Squares cut out of packed pictures.

/**
 * @param bytes rows of `[from, from, 3]`
 * @param places two numbers in [0, 1) a picture: where in the free way, across and down
 * @returns rows of `[side, side, 3]`
 */
export function cutSquares(bytes: Uint8Array, from: number, side: number, places: Float32Array): Uint8Array {
  if (side === from) return bytes;
  const rows = bytes.length / (from * from * 3);
  const squares = new Uint8Array(rows * side * side * 3);
  const free = from - side + 1;
  for (let row = 0; row < rows; row++) {
    const left = Math.floor((places[2 * row] ?? 0) * free);
    const top = Math.floor((places[2 * row + 1] ?? 0) * free);
    for (let y = 0; y < side; y++) {
      const start = ((row * from + top + y) * from + left) * 3;
      squares.set(bytes.subarray(start, start + side * 3), (row * side + y) * side * 3);
    }
  }
  return squares;
}
