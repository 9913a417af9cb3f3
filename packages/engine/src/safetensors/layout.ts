// Convolution weights: checkpoints hold [out, in, height, width], TensorFlow wants [height, width, in, out].

/** Edge of the blocks copied at a time: 16 floats are one cache line, so neither side of the transposition thrashes. */
const BLOCK = 16;

type Elements = Float32Array | Uint16Array;

/**
 * Reorders a convolution weight from a checkpoint for TensorFlow.
 * @param shape shape of `data`: [O, I, H, W]
 * @returns a new array in the order [H, W, I, O]
 */
export function oihwToHwio<T extends Elements>(data: T, shape: readonly number[]): T {
  const { outChannels, inChannels, positions } = oihw(shape, data.length);
  const result = emptyLike(data);
  forEachBlock(outChannels, inChannels, (o, i) => {
    for (let position = 0; position < positions; position++) {
      const to = (position * inChannels + i) * outChannels + o;
      result[to] = data[(o * inChannels + i) * positions + position] as number;
    }
  });
  return result;
}

/**
 * The inverse of {@link oihwToHwio}.
 * @param shape shape of `data`: [H, W, I, O]
 * @returns a new array in the order [O, I, H, W]
 */
export function hwioToOihw<T extends Elements>(data: T, shape: readonly number[]): T {
  const [height = 0, width = 0, inputs = 0, outputs = 0] = shape;
  const { outChannels, inChannels, positions } = oihw([outputs, inputs, height, width], data.length);
  const result = emptyLike(data);
  forEachBlock(outChannels, inChannels, (o, i) => {
    for (let position = 0; position < positions; position++) {
      const from = (position * inChannels + i) * outChannels + o;
      result[(o * inChannels + i) * positions + position] = data[from] as number;
    }
  });
  return result;
}

function forEachBlock(outChannels: number, inChannels: number, copy: (o: number, i: number) => void): void {
  for (let blockO = 0; blockO < outChannels; blockO += BLOCK) {
    const endO = Math.min(blockO + BLOCK, outChannels);
    for (let blockI = 0; blockI < inChannels; blockI += BLOCK) {
      const endI = Math.min(blockI + BLOCK, inChannels);
      for (let i = blockI; i < endI; i++) {
        for (let o = blockO; o < endO; o++) copy(o, i);
      }
    }
  }
}

function emptyLike<T extends Elements>(data: T): T {
  // the constructor of T makes a T; TypeScript cannot express it for a union
  return (data instanceof Float32Array ? new Float32Array(data.length) : new Uint16Array(data.length)) as T;
}

function oihw(
  shape: readonly number[],
  length: number,
): { outChannels: number; inChannels: number; positions: number } {
  const [outChannels = 0, inChannels = 0, height = 0, width = 0] = shape;
  const positions = height * width;
  if (shape.length !== 4 || outChannels * inChannels * positions !== length) {
    throw new RangeError(
      `a convolution weight of ${length} elements cannot have the shape [${shape.join(', ')}]`,
    );
  }
  return { outChannels, inChannels, positions };
}
