// Weights nobody has trained yet, as the reference draws them: torch's rule for linear layers and convolutions,
// transformers' for CLIP. From the counter-based generator, a stream a tensor: a network that grows keeps the others.
import { torchWeight } from '@likeness/core';
import { createRng, WeightsError, type TensorSource } from '@likeness/engine';
import { parseClipTextConfig } from './clipConfig.ts';
import type { Networks } from './networks.ts';

/** Random weights of one network, in the order it asks for them. Values are made when they are written. */
export function randomWeights(
  { name, parameters }: Networks['unet'] | Networks['vae'] | Networks['textEncoder'],
  config: unknown,
  seed: number,
): TensorSource[] {
  const stdOf = name === 'text_encoder' ? clipDeviations(config) : undefined;
  const rng = createRng(seed);
  return [...parameters.entries().values()].map(({ key, shape }) => ({
    name: key,
    dtype: 'F32',
    shape,
    data: () => {
      if (stdOf === undefined) return torchWeight(parameters, key, seed);
      const size = shape.reduce((product, length) => product * length, 1);
      if (shape.length === 1) return new Float32Array(size).fill(key.endsWith('.bias') ? 0 : 1);
      const std = stdOf(key);
      return rng
        .stream(`initial.${name}.${key}`, 0, 0)
        .normal(size)
        .map((x) => x * std);
    },
  }));
}

/** Standard deviations: transformers, models/clip/modeling_clip.py, `CLIPPreTrainedModel._init_weights`. */
function clipDeviations(json: unknown): (key: string) => number {
  const { hiddenSize, layers } = parseClipTextConfig(json);
  const factor = (json as { initializer_factor?: number }).initializer_factor ?? 1;
  const residual = hiddenSize ** -0.5 * (2 * layers) ** -0.5;
  const stds: readonly (readonly [RegExp, number])[] = [
    [/_embedding\.weight$/, 0.02],
    [/\.self_attn\.[qkv]_proj\.weight$/, residual],
    [/\.self_attn\.out_proj\.weight$/, hiddenSize ** -0.5],
    [/\.mlp\.fc1\.weight$/, (2 * hiddenSize) ** -0.5],
    [/\.mlp\.fc2\.weight$/, residual],
  ];
  return (key) => {
    const std = stds.find(([pattern]) => pattern.test(key))?.[1];
    if (std === undefined)
      throw new WeightsError('nobody says how this weight starts', {
        code: 'model/weights-do-not-fit',
        where: key,
      });
    return std * factor;
  };
}
