// Adapters as something that trains: variables with first values, laid over the frozen model, in groups by learning rate.
import {
  createRng,
  createVariable,
  type DiffusionModel,
  type ParameterGroup,
  type Trainable,
  type Variable,
} from '@likeness/core';
import { overlay, type Parts } from './adapters/adapter.ts';
import { createDropout, type DropoutRates } from './adapters/dropout.ts';
import { MAGNITUDE } from './adapters/magnitude.ts';
import { exportAdapters, PISSA_NOTE } from './files/exportAdapters.ts';
import { loadInDiffusers } from './files/fileNames.ts';
import { firstValues, isPrincipal, originOf, variableNameOf } from './firstValues.ts';
import type { HeldAdapter, HeldPart } from './held.ts';
import { componentOf, sizesOf } from './layers.ts';
import type { LoraOptions } from './options.ts';
import { planAdapters, type PlannedAdapter } from './plan.ts';

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
  const initialValues = await firstValues(model, planned, createRng(seed));
  const adapters = planned.map((adapter) => hold(adapter, options));
  const detach = attachHeld(model, adapters);
  const touches = [...new Set(adapters.map(({ layer }) => layer.component))];
  return {
    groups: groupsOf(adapters, options.loraPlusRatio),
    touches,
    stepInputs: adapters.flatMap(({ dropout }) => dropout?.inputs ?? []),
    initialValues,
    ...(adapters.some(({ origin }) => origin) ? { notes: [`The file is ${PISSA_NOTE}.`] } : {}),
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
    isFast: start.kind === 'zeros' || (start.kind === 'principal' && name === 'up'),
  }));
  if (dora) all.push({ name: MAGNITUDE, shape: [sizesOf(layer).out], isFast: false });
  const heldAs = (part: (typeof all)[number], name: string): HeldPart => {
    const variableName = variableNameOf(layer, name);
    return { ...part, variableName, variable: createVariable({ name: variableName, shape: part.shape }) };
  };
  const held = all.map((part) => heldAs(part, part.name));
  const dropout = createDropout(`lora.${layer.component}.${layer.path}`, rates);
  const [down, up] = all;
  const origin =
    down && up && isPrincipal(planned)
      ? { down: heldAs(down, originOf('down')), up: heldAs(up, originOf('up')) }
      : undefined;
  return { ...planned, parts: held, ...(dropout ? { dropout } : {}), ...(origin ? { origin } : {}) };
}

/** @returns takes them off again and gives their variables back */
function attachHeld(model: DiffusionModel, adapters: readonly HeldAdapter[]): () => void {
  const takeOff = adapters.map(({ method, layer, parts, scale, dropout, origin }) => {
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
      ...(origin ? { origin: { down: origin.down.variable, up: origin.up.variable } } : {}),
    });
    return componentOf(model, layer.component).parameters.attach(layer.path, adapter);
  });
  return () => {
    for (const off of takeOff.toReversed()) off();
    for (const { parts, origin } of adapters) {
      for (const { variable } of parts) variable.dispose();
      origin?.down.variable.dispose();
      origin?.up.variable.dispose();
    }
  };
}

/** One group for each component, learning rate, and side of LoRA+. */
function groupsOf(adapters: readonly HeldAdapter[], loraPlusRatio: number): ParameterGroup[] {
  const groups = new Map<string, { group: Omit<ParameterGroup, 'variables'>; variables: Variable[] }>();
  for (const { layer, parts, learningRate } of adapters) {
    for (const { variable, isFast } of parts) {
      const faster = isFast && loraPlusRatio !== 1;
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
