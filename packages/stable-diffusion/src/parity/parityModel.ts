// The model of a fixtures folder, and the engine its networks run in.
import type { Engine, LoadFromFile, Mode } from '@likeness/engine';
import { createNetworks, expectedShapes, weightsToLoad, type Networks } from '../networks.ts';
import { openDiffusersFolder } from '../weights/diffusersFolder.ts';
import { matchKeys } from '../weights/matchKeys.ts';
import { componentsOf, type ComponentName, type ModelFiles } from '../weights/modelFiles.ts';

export interface ParityRuntime {
  readonly engine: Engine;
  readonly mode: Mode;
}

export interface ParityModel {
  readonly files: ModelFiles;
  readonly networks: Networks;
  /** Weights of a component, for `program.load`. */
  readonly toLoad: (component: ComponentName) => LoadFromFile[];
}

/**
 * Opens a diffusers folder and checks its weights against the networks its configs describe.
 * @throws WeightsError
 */
export async function openParityModel(folder: string): Promise<ParityModel> {
  const files = await openDiffusersFolder(folder);
  const { unet, vae, textEncoder } = files.components;
  const configs = { unet: unet.config, vae: vae.config, text_encoder: textEncoder.config };
  const networks = createNetworks(configs, folder);
  const byName = { unet: networks.unet, vae: networks.vae, text_encoder: networks.textEncoder };
  const tensors = new Map(componentsOf(files).map((component) => [component.name, component.tensors]));
  for (const { name, tensors: found } of componentsOf(files)) {
    matchKeys(expectedShapes(byName[name].parameters), found, { component: name });
  }
  return {
    files,
    networks,
    toLoad: (component) => weightsToLoad(byName[component].parameters, tensors.get(component) ?? new Map()),
  };
}
