// Adapters of a file on a model, for generating: attached and taken off without touching the base.
import { createVariable, type Attached, type DiffusionModel, type Variable } from '@likeness/core';
import { overlay } from './adapters/adapter.ts';
import { openAdapters } from './files/openAdapters.ts';
import type { AdapterFile, StoredAdapter } from './files/readAdapters.ts';
import { adaptableLayers, componentOf } from './layers.ts';

export interface AttachedAdapters extends Attached {
  /** Components whose outputs change. */
  readonly touches: readonly ('unet' | 'text_encoder')[];
}

export interface AttachOptions {
  /** How strongly they count; 0: not at all. Default 1. */
  readonly weight?: number;
  /** Tells several files' variables apart. Default: the file's path. */
  readonly name?: string;
}

/**
 * Attaches a file of adapters to a model, or a folder with adapters as a run exports and PEFT saves them. Several stack.
 *
 * The weight is a factor on ΔW, as in PEFT and diffusers: with DoRA the result still has the learned lengths.
 * @throws WeightsError listing every key that is no adapter of this model, and every tensor that does not fit
 */
export async function attachAdapters(
  model: DiffusionModel,
  path: string,
  { weight = 1, name = path }: AttachOptions = {},
): Promise<AttachedAdapters & { readonly file: AdapterFile }> {
  const file = await openAdapters(path, adaptableLayers(model));
  return { ...attachStored(model, file.adapters, { weight, name }), file };
}

/** Attaches adapters that were read before. */
export function attachStored(
  model: DiffusionModel,
  adapters: readonly StoredAdapter[],
  { weight = 1, name = 'adapters' }: AttachOptions = {},
): AttachedAdapters {
  const used = weight === 0 ? [] : adapters;
  const variables: Variable[] = [];
  const initialValues = new Map<string, Float32Array>();
  const takeOff = used.map(({ method, layer, parts, scale, magnitude }) => {
    const hold = (part: string, shape: readonly number[], values: Float32Array): Variable => {
      const variableName = `adapter.${name}.${layer.component}.${layer.path}.${part}`;
      const variable = createVariable({ name: variableName, shape });
      variables.push(variable);
      initialValues.set(variableName, values);
      return variable;
    };
    const held = Object.entries(parts).map(
      ([part, { shape, values }]) => [part, hold(part, shape, values)] as const,
    );
    const adapter = overlay({
      method,
      layer,
      parts: Object.fromEntries(held),
      scale: scale * weight,
      ...(magnitude
        ? {
            magnitude: {
              values: hold('magnitude', [magnitude.values.length], magnitude.values),
              axis: magnitude.axis,
            },
          }
        : {}),
    });
    return componentOf(model, layer.component).parameters.attach(layer.path, adapter);
  });
  return {
    touches: [...new Set(used.map(({ layer }) => layer.component))],
    initialValues,
    detach: () => {
      for (const off of takeOff.toReversed()) off();
      for (const variable of variables) variable.dispose();
    },
  };
}
