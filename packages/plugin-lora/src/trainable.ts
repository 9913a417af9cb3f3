// Adapters as something that trains: variables with first values, laid over the frozen model, in groups by learning rate.
import {
  createRng,
  createVariable,
  readTensor,
  WeightsError,
  type DiffusionModel,
  type ParameterGroup,
  type Rng,
  type Trainable,
  type Variable,
} from '@likeness/core';
import { elementsOf, overlay, type Parts, type PlannedPart } from './adapters/adapter.ts';
import { createDropout, type DropoutRates } from './adapters/dropout.ts';
import { MAGNITUDE, rowLengths } from './adapters/magnitude.ts';
import { exportAdapters } from './files/exportAdapters.ts';
import { loadInDiffusers } from './files/fileNames.ts';
import type { HeldAdapter, HeldPart } from './held.ts';
import { componentOf, sizesOf, type AdaptableLayer } from './layers.ts';
import type { LoraOptions } from './options.ts';
import { planAdapters, type PlannedAdapter } from './plan.ts';

/** Name of the variable of an adapter's part. */
export const variableNameOf = ({ component, path }: AdaptableLayer, part: string): string =>
  `lora.${component}.${path}.${part}`;

/**
 * Lays new adapters over a model.
 * @param seed of their first values
 */
export async function adaptModel(
  model: DiffusionModel,
  options: LoraOptions,
  seed: number,
): Promise<Trainable> {
  const planned = planAdapters(model, options);
  const magnitudes = await Promise.all(planned.map((adapter) => firstMagnitude(model, adapter)));
  const adapters = planned.map((adapter) => hold(adapter, options));
  const rng = createRng(seed);
  const initialValues = new Map<string, Float32Array>();
  planned.forEach(({ layer, parts }, i) => {
    for (const part of parts) {
      const name = variableNameOf(layer, part.name);
      if (part.start.kind !== 'zeros') initialValues.set(name, firstValues(part, name, rng));
    }
    const magnitude = magnitudes[i];
    if (magnitude) initialValues.set(variableNameOf(layer, MAGNITUDE), magnitude);
  });
  const detach = attachHeld(model, adapters);
  const touches = [...new Set(adapters.map(({ layer }) => layer.component))];
  return {
    groups: groupsOf(adapters, options.loraPlusRatio),
    touches,
    stepInputs: adapters.flatMap(({ dropout }) => dropout?.inputs ?? []),
    initialValues,
    export: (target) => exportAdapters(adapters, options, target),
    loadInDiffusers: (exported) => loadInDiffusers(options.format, exported, touches),
    detach,
  };
}

function hold(planned: PlannedAdapter, rates: DropoutRates): HeldAdapter {
  const { layer, parts, dora } = planned;
  const all: Omit<HeldPart, 'variable' | 'variableName'>[] = parts.map(({ name, shape, start }) => ({
    name,
    shape,
    startsAtZero: start.kind === 'zeros',
  }));
  if (dora) all.push({ name: MAGNITUDE, shape: [sizesOf(layer).out], startsAtZero: false });
  const held = all.map((part) => {
    const variableName = variableNameOf(layer, part.name);
    return { ...part, variableName, variable: createVariable({ name: variableName, shape: part.shape }) };
  });
  const dropout = createDropout(`lora.${layer.component}.${layer.path}`, rates);
  return { ...planned, parts: held, ...(dropout ? { dropout } : {}) };
}

/** @returns takes them off again and gives their variables back */
function attachHeld(model: DiffusionModel, adapters: readonly HeldAdapter[]): () => void {
  const takeOff = adapters.map(({ method, layer, parts, scale, dropout }) => {
    const tensors: Parts<Variable> = Object.fromEntries(parts.map(({ name, variable }) => [name, variable]));
    const { [MAGNITUDE]: values, ...own } = tensors;
    const magnitude = values && ({ values, axis: 'out' } as const);
    const adapter = overlay({
      method,
      layer,
      parts: own,
      scale,
      ...(magnitude ? { magnitude } : {}),
      ...(dropout ? { dropout } : {}),
    });
    return componentOf(model, layer.component).parameters.attach(layer.path, adapter);
  });
  return () => {
    for (const off of takeOff.toReversed()) off();
    for (const { parts } of adapters) for (const { variable } of parts) variable.dispose();
  };
}

function firstValues({ shape, start }: PlannedPart, purpose: string, rng: Rng): Float32Array {
  const count = elementsOf(shape);
  const stream = rng.stream(purpose, 0, 0);
  switch (start.kind) {
    case 'zeros':
      return new Float32Array(count);
    case 'normal':
      return stream.normal(count).map((value) => value * start.standardDeviation);
    case 'kaiming':
      return stream.uniform(count).map((value) => (2 * value - 1) / Math.sqrt(start.fanIn));
  }
}

/** Lengths of the layer's own rows. @throws WeightsError when the model's files do not hold the layer */
async function firstMagnitude(
  model: DiffusionModel,
  { layer, dora }: PlannedAdapter,
): Promise<Float32Array | undefined> {
  if (!dora) return undefined;
  const key = `${layer.path}.weight`;
  const entry = componentOf(model, layer.component).tensors.get(key);
  if (entry === undefined)
    throw new WeightsError('a layer to adapt has no weight', { where: `${model.source}: ${key}` });
  return rowLengths(await readTensor(entry), sizesOf(layer).out);
}

/** One group for each component, learning rate, and side of LoRA+. */
function groupsOf(adapters: readonly HeldAdapter[], loraPlusRatio: number): ParameterGroup[] {
  const groups = new Map<string, { group: Omit<ParameterGroup, 'variables'>; variables: Variable[] }>();
  for (const { layer, parts, learningRate } of adapters) {
    for (const { variable, startsAtZero } of parts) {
      const faster = startsAtZero && loraPlusRatio !== 1;
      const name = `lora.${layer.component}${learningRate === undefined ? '' : `@${learningRate}`}${faster ? '.plus' : ''}`;
      const entry = groups.get(name) ?? {
        group: {
          name,
          ...(learningRate === undefined ? {} : { learningRate }),
          ...(faster ? { learningRateScale: loraPlusRatio } : {}),
        },
        variables: [],
      };
      entry.variables.push(variable);
      groups.set(name, entry);
    }
  }
  return [...groups.values()].map(({ group, variables }) => ({ ...group, variables }));
}
