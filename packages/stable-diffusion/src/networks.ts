// The three networks of a model: configs and tensors of a checkpoint in, networks with declared parameters out.
import { Parameters, type ModelComponent } from '@likeness/core';
import {
  defineFunction,
  float32,
  int32,
  traceShapes,
  type FunctionDefinition,
  type LoadFromFile,
  type TensorEntry,
} from '@likeness/engine';
import { createClipTextEncoder, type ClipTextEncoder } from './clip.ts';
import { parseClipTextConfig, type ClipTextConfig } from './clipConfig.ts';
import { createUNet, type UNet } from './unet.ts';
import { parseUNetConfig, type UNetConfig } from './unetConfig.ts';
import { createAutoencoder, type Autoencoder } from './vae.ts';
import { parseVaeConfig, type VaeConfig } from './vaeConfig.ts';

/** A network, its settings and its declared parameters. */
export interface Network<Config, Forward> {
  readonly name: ModelComponent['name'];
  readonly config: Config;
  readonly parameters: Parameters;
  readonly forward: Forward;
}

export interface Networks {
  readonly unet: Network<UNetConfig, UNet>;
  readonly vae: Network<VaeConfig, Autoencoder>;
  readonly textEncoder: Network<ClipTextConfig, ClipTextEncoder>;
}

export interface NetworkConfigs {
  readonly unet: unknown;
  readonly vae: unknown;
  readonly text_encoder: unknown;
}

export interface NetworkOptions {
  /** Components kept in bfloat16: half the memory, for weights that do not train. */
  readonly bfloat16?: readonly string[];
}

/**
 * Makes the networks of a model from the content of its config files and declares all their parameters.
 * @param where the model, for messages
 * @throws WeightsError naming every config field that is refused
 */
export function createNetworks(
  configs: NetworkConfigs,
  where: string,
  { bfloat16 = [] }: NetworkOptions = {},
): Networks {
  const network = <Config, Forward>(
    name: string,
    config: Config,
    forward: Forward,
  ): Network<Config, Forward> => {
    const storage = bfloat16.includes(name) ? 'bfloat16' : 'float32';
    return { name, config, forward, parameters: new Parameters({ component: name, storage }) };
  };
  const unetConfig = parseUNetConfig(configs.unet, `${where}: unet/config.json`);
  const vaeConfig = parseVaeConfig(configs.vae, `${where}: vae/config.json`);
  const textConfig = parseClipTextConfig(configs.text_encoder, `${where}: text_encoder/config.json`);
  const networks: Networks = {
    unet: network('unet', unetConfig, createUNet(unetConfig)),
    vae: network('vae', vaeConfig, createAutoencoder(vaeConfig)),
    textEncoder: network('text_encoder', textConfig, createClipTextEncoder(textConfig)),
  };
  declareParameters(networks);
  return networks;
}

/** Side of the smallest input whose deepest level still has a pixel. */
const smallestSide = (levels: number): number => 2 ** (levels - 1);

/** Runs every network once over symbolic inputs: parameters come to be by being asked for. */
function declareParameters({ unet, vae, textEncoder }: Networks): void {
  const latentSide = smallestSide(unet.config.down.length);
  const textWidth = crossAttentionDim(unet.config) ?? 1;
  const latents = float32(1, latentSide, latentSide, unet.config.inChannels);
  const functions: FunctionDefinition[] = [
    defineFunction({ latents, timesteps: float32(1), text: float32(1, 1, textWidth) }, (inputs) => ({
      out: unet.forward(unet.parameters, inputs.latents, inputs.timesteps, inputs.text),
    })),
    defineFunction(
      { pixels: float32(1, ...square(smallestSide(vae.config.channels.length)), vae.config.inChannels) },
      ({ pixels }) => vae.forward.encode(vae.parameters, pixels),
    ),
    defineFunction({ latents: float32(1, 1, 1, vae.config.latentChannels) }, (inputs) => ({
      out: vae.forward.decode(vae.parameters, inputs.latents),
    })),
    defineFunction({ ids: int32(1, textEncoder.config.maxPositions) }, ({ ids }) => ({
      out: textEncoder.forward(textEncoder.parameters, ids).lastHiddenState,
    })),
  ];
  for (const definition of functions) traceShapes(definition);
}

const square = (side: number): [number, number] => [side, side];

/** Width of the text states a UNet takes; none when no block looks at the text. */
export function crossAttentionDim({ down, mid, up }: UNetConfig): number | undefined {
  for (const block of [...down, ...(mid ? [mid] : []), ...up]) {
    if (block.attention) return block.attention.crossAttentionDim;
  }
  return undefined;
}

/**
 * What an engine program has to read to have a network's weights.
 * @param tensors the checkpoint's, checked against the parameters before (`matchKeys`)
 */
export function weightsToLoad(
  parameters: Parameters,
  tensors: ReadonlyMap<string, TensorEntry>,
): LoadFromFile[] {
  const weights: LoadFromFile[] = [];
  for (const { key, layout } of parameters.entries().values()) {
    const entry = tensors.get(key);
    if (entry) weights.push({ variable: parameters.variableName(key), entry, layout });
  }
  return weights;
}

/** Shapes a checkpoint must have for a network, by key. */
export function expectedShapes(parameters: Parameters): Map<string, readonly number[]> {
  return new Map([...parameters.entries()].map(([key, { shape }]) => [key, shape]));
}
