// The model of a fixtures folder, and the engine its networks run in.
import type { Engine, LoadFromFile, Mode, Program } from '@likeness/engine';
import { createNetworks, expectedShapes, weightsToLoad, type Networks } from '../networks.ts';
import { openDiffusersFolder } from '../weights/diffusersFolder.ts';
import { matchKeys } from '../weights/matchKeys.ts';
import { componentsOf, type ModelFiles } from '../weights/modelFiles.ts';

export interface ParityRuntime {
  readonly engine: Engine;
  readonly mode: Mode;
}

export interface ParityModel {
  readonly files: ModelFiles;
  readonly networks: Networks;
  /** Gives a program the weights of all variables it uses. */
  readonly load: (program: Program) => Promise<void>;
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
  const weights: LoadFromFile[] = [];
  for (const { name, tensors } of componentsOf(files)) {
    const { parameters } = byName[name];
    matchKeys(expectedShapes(parameters), tensors, { component: name });
    weights.push(...weightsToLoad(parameters, tensors));
  }
  return {
    files,
    networks,
    load: (program) => {
      const used = new Set(program.variableNames);
      return program.load(weights.filter(({ variable }) => used.has(variable)));
    },
  };
}
