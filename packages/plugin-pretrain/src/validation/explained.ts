// How much of what features differ in a column of the data explains: the scene behind a thing, or the thing.

/**
 * Share of the rows' variance that lies between the groups of equal keys, corrected for what chance alone would put
 * there (epsilon squared of an analysis of variance, over all dimensions together; Kelley 1935).
 * @param rows `[n, width]`
 */
export function varianceExplained(rows: Float32Array, width: number, keys: readonly string[]): number {
  const count = keys.length;
  const mean = new Float64Array(width);
  const groups = new Map<string, { sum: Float64Array; size: number }>();
  keys.forEach((key, row) => {
    const group = groups.get(key) ?? { sum: new Float64Array(width), size: 0 };
    groups.set(key, group);
    group.size += 1;
    for (let d = 0; d < width; d++) {
      const value = rows[row * width + d] ?? 0;
      group.sum[d] = (group.sum[d] ?? 0) + value;
      mean[d] = (mean[d] ?? 0) + value / count;
    }
  });
  let total = 0;
  for (let i = 0; i < rows.length; i++) total += ((rows[i] ?? 0) - (mean[i % width] ?? 0)) ** 2;
  let between = 0;
  for (const { sum, size } of groups.values()) {
    for (let d = 0; d < width; d++) between += size * ((sum[d] ?? 0) / size - (mean[d] ?? 0)) ** 2;
  }
  const within = (total - between) / Math.max(1, count - groups.size);
  return total === 0 ? 0 : Math.max(0, (between - (groups.size - 1) * within) / total);
}
