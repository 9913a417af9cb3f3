// Whatever a program computes for many is computed in batches of one shape: the same bits for a picture whatever else is
// asked, and one compilation.

/** Calls `run` with full batches, the last one filled up with its first item, and hands on what belongs to each item. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  batchSize: number,
  run: (batch: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    const asked = items.slice(start, start + batchSize);
    const [first] = asked;
    if (first === undefined) break;
    const full = Array.from({ length: batchSize }, (_, i) => asked[i] ?? first);
    results.push(...(await run(full)).slice(0, asked.length));
  }
  return results;
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** `[rows, width]` as rows. */
export function rowsOf(values: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}
