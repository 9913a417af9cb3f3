// What a run exported, over the model it was trained on.
import type { Attached, DiffusionModel } from '../contracts.ts';
import type { Plugin } from './definePlugin.ts';

/**
 * Lays over a model what each plugin of a recipe exported, in recipe order. When one of them fails, those before it are
 * taken off again.
 * @param folder the export
 */
export async function attachExports(
  model: DiffusionModel,
  plugins: readonly Plugin[],
  folder: string,
  options: { readonly strength?: number } = {},
): Promise<Attached> {
  return attachInOrder(
    plugins.flatMap(({ attachExport }) => (attachExport ? [() => attachExport(model, folder, options)] : [])),
  );
}

/** Attaches one thing after the other: all of them, or none. */
export async function attachInOrder(
  attaching: readonly (() => Attached | Promise<Attached>)[],
): Promise<Attached> {
  const attached: Attached[] = [];
  const detach = (): void => {
    for (const { detach: takeOff } of attached.toReversed()) takeOff();
  };
  try {
    for (const attach of attaching) attached.push(await attach());
  } catch (error) {
    detach();
    throw error;
  }
  return { initialValues: new Map(attached.flatMap(({ initialValues }) => [...initialValues])), detach };
}
