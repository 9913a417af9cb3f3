// Which picture is drawn when: a pure function of the step, so a resumed run needs no stored position.

/**
 * The items of the batch at `step` (from 0).
 *
 * Every epoch is one permutation of all items, and batches run on across epochs: nothing is dropped, and with
 * fewer items than `batchSize` a batch holds the end of one epoch and the start of the next.
 * @param shuffle the permutation of `0..numItems - 1` for an epoch; the same epoch must give the same one
 */
export function dataOrder(
  numItems: number,
  batchSize: number,
  step: number,
  shuffle: (epoch: number) => Int32Array,
): number[] {
  const permutations = new Map<number, Int32Array>();
  return Array.from({ length: batchSize }, (_, i) => {
    const position = step * batchSize + i;
    const epoch = Math.floor(position / numItems);
    const permutation = permutations.get(epoch) ?? shuffle(epoch);
    permutations.set(epoch, permutation);
    const item = permutation[position % numItems];
    if (item === undefined)
      throw new RangeError(`epoch ${String(epoch)}: expected a permutation of ${String(numItems)} items`);
    return item;
  });
}
