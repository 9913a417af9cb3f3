// What trains, put over the model and taken off again. One after the other in recipe order: adapters stack, and come
// off in the reverse order.
import type { DiffusionModel, Trainable } from '../contracts.ts';
import { componentsOf } from './machine.ts';
import type { TrainableFactory } from '../di/runContainer.ts';

/** Makes what every plugin trains. When one of them fails, those before it are detached. */
export async function attachTrainables(factories: readonly TrainableFactory[]): Promise<Trainable[]> {
  const trainables: Trainable[] = [];
  try {
    for (const { create } of factories) trainables.push(await create());
  } catch (error) {
    detachTrainables(trainables);
    throw error;
  }
  return trainables;
}

export function detachTrainables(trainables: readonly Trainable[]): void {
  for (const trainable of trainables.toReversed()) trainable.detach();
}

/** Keys of the model's own weights that train, `unet.conv_in.weight`. Empty: the base model stays as it is. */
export function trainedBaseWeights(model: DiffusionModel, trainables: readonly Trainable[]): string[] {
  const trained = new Set(trainables.flatMap(({ groups }) => groups.flatMap(({ variables }) => variables)));
  return componentsOf(model).flatMap(({ parameters }) =>
    [...parameters.entries().values()]
      .filter(({ variable }) => trained.has(variable))
      .map(({ key }) => parameters.variableName(key)),
  );
}
