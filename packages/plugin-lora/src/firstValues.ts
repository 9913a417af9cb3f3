// What adapters begin as: drawn by seed, or taken from the weights they lie over.
import { readTensor, WeightsError, type DiffusionModel, type Rng } from '@likeness/core';
import { elementsOf, type PlannedPart } from './adapters/adapter.ts';
import { MAGNITUDE, rowLengths } from './adapters/magnitude.ts';
import { principalPart } from './adapters/principalPart.ts';
import { componentOf, sizesOf, type AdaptableLayer } from './layers.ts';
import type { PlannedAdapter } from './plan.ts';

/** Name of the variable of an adapter's part. */
export const variableNameOf = ({ component, path }: AdaptableLayer, part: string): string =>
  `lora.${component}.${path}.${part}`;

/** Name of the part that a learned one began as. */
export const originOf = (part: 'down' | 'up'): string => `origin.${part}`;

/** Whether an adapter begins as part of the weight, which is then taken off again. */
export const isPrincipal = ({ parts }: Pick<PlannedAdapter, 'parts'>): boolean =>
  parts.some(({ start }) => start.kind === 'principal');

/**
 * First values by variable; those that are not there are zero.
 * @throws WeightsError when the model's files do not hold a layer
 */
export async function firstValues(
  model: DiffusionModel,
  planned: readonly PlannedAdapter[],
  rng: Rng,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const adapter of planned) {
    const { layer, parts, dora, rank, scale } = adapter;
    const set = (part: string, of: Float32Array): void => void values.set(variableNameOf(layer, part), of);
    for (const part of parts) {
      const drawn = draw(part, variableNameOf(layer, part.name), rng);
      if (drawn) set(part.name, drawn);
    }
    const fromWeight = dora || isPrincipal(adapter);
    const weight = fromWeight ? await weightOf(model, layer) : new Float32Array();
    const { out } = sizesOf(layer);
    if (dora) set(MAGNITUDE, rowLengths(weight, out));
    if (!isPrincipal(adapter)) continue;
    const stream = rng.stream(variableNameOf(layer, 'principal'), 0, 0);
    const { down, up } = principalPart(weight, out, rank, scale, (count) => stream.normal(count));
    set('down', down);
    set('up', up);
    set(originOf('down'), down);
    set(
      originOf('up'),
      up.map((value) => -value),
    );
  }
  return values;
}

function draw({ shape, start }: PlannedPart, purpose: string, rng: Rng): Float32Array | undefined {
  const count = elementsOf(shape);
  const stream = rng.stream(purpose, 0, 0);
  switch (start.kind) {
    case 'zeros':
    case 'principal':
      return undefined;
    case 'normal':
      return stream.normal(count).map((value) => value * start.standardDeviation);
    case 'kaiming':
      return stream.uniform(count).map((value) => (2 * value - 1) / Math.sqrt(start.fanIn));
  }
}

async function weightOf(model: DiffusionModel, { component, path }: AdaptableLayer): Promise<Float32Array> {
  const key = `${path}.weight`;
  const entry = componentOf(model, component).tensors.get(key);
  if (entry === undefined)
    throw new WeightsError('a layer to adapt has no weight', {
      code: 'adapter/no-such-weight',
      where: `${model.source}: ${key}`,
    });
  return readTensor(entry);
}
