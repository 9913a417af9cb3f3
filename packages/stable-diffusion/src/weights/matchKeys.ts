// A checkpoint against what a network expects, before anything long starts.

import { WeightsError, type TensorEntry } from '@likeness/engine';

const HINT =
  'Use the config.json that belongs to these weights; only Stable Diffusion 1.x and 2.x are supported.';

/**
 * Checks that the entries are exactly the expected keys, each of the expected shape.
 * @param expected checkpoint key to shape in the checkpoint's layout
 * @throws WeightsError listing all missing, unexpected and mis-shaped keys at once
 */
export function matchKeys(
  expected: ReadonlyMap<string, readonly number[]>,
  entries: ReadonlyMap<string, TensorEntry>,
  { component, hint = HINT }: { readonly component: string; readonly hint?: string },
): void {
  const missing: string[] = [];
  const misshaped: string[] = [];
  for (const [key, shape] of expected) {
    const entry = entries.get(key);
    if (entry === undefined) missing.push(`missing: ${key} [${shape.join(', ')}]`);
    else if (entry.shape.join() !== shape.join()) {
      misshaped.push(
        `shape: ${key} is [${entry.shape.join(', ')}], config.json makes it [${shape.join(', ')}]`,
      );
    }
  }
  const unexpected = [...entries.values()]
    .filter(({ name }) => !expected.has(name))
    .map(({ name, shape }) => `unexpected: ${name} [${shape.join(', ')}]`);
  const details = [...missing, ...misshaped, ...unexpected];
  if (details.length === 0) return;
  const files = new Set([...entries.values()].map(({ file }) => file));
  throw new WeightsError(`the weights of the ${component} do not fit its config`, {
    code: 'model/weights-do-not-fit',
    where: [...files].join(', ') || component,
    details,
    expected: `${expected.size} tensors`,
    got: `${missing.length} missing, ${misshaped.length} of another shape, ${unexpected.length} unexpected`,
    hint,
  });
}
