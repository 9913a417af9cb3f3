// JSON whose text depends on the values only: keys sorted, undefined left out.

/** @throws TypeError for what JSON cannot say exactly (functions, NaN, infinities, big integers) */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (typeof inner === 'number' && !Number.isFinite(inner))
      throw new TypeError(`${key}: ${inner} has no JSON`);
    if (typeof inner === 'function' || typeof inner === 'symbol')
      throw new TypeError(`${key}: a ${typeof inner} has no JSON`);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
