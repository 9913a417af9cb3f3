// What the golden tests cannot see: shapes a reference folder does not have, and gradients.
import {
  compile,
  defineFunction,
  float32,
  ShapeError,
  startEngine,
  tf,
  traceShapes,
  type Engine,
  type Scalar,
  type Tensor,
} from '@likeness/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNetworks, expectedShapes } from './networks.ts';

const configs = {
  unet: {
    sample_size: 8,
    block_out_channels: [8, 16, 16],
    layers_per_block: 1,
    norm_num_groups: 4,
    attention_head_dim: [1, 2, 4],
    cross_attention_dim: 8,
    transformer_layers_per_block: [1, 2, 1],
    down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  },
  vae: {
    block_out_channels: [8, 8],
    norm_num_groups: 4,
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
    mid_block_add_attention: false,
    use_quant_conv: false,
    use_post_quant_conv: false,
  },
  text_encoder: {
    hidden_size: 8,
    intermediate_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    vocab_size: 20,
    max_position_embeddings: 6,
  },
};
const unetWith = (change: Record<string, unknown>) =>
  createNetworks({ ...configs, unet: { ...configs.unet, ...change } }, 'test').unet;

const predictShapes = (unet: ReturnType<typeof unetWith>, height: number, width: number) =>
  traceShapes(
    defineFunction(
      { x: float32(1, height, width, 4), t: float32(1), text: float32(1, 3, 8) },
      ({ x, t, text }) => ({
        out: unet.forward(unet.parameters, x, t, text),
      }),
    ),
  );

describe('UNet', () => {
  it('takes latents whose sides are no multiple of the deepest level', () => {
    expect(predictShapes(unetWith({}), 9, 14)).toEqual({ out: [1, 9, 14, 4] });
  });

  it('goes without a mid block, without its attention, with other kernels and time embeddings', () => {
    const keys = (change: Record<string, unknown>) => [...expectedShapes(unetWith(change).parameters)];
    const named = (change: Record<string, unknown>) => keys(change).map(([key]) => key);
    expect(named({}).filter((key) => key.startsWith('mid_block.resnets.1'))).not.toEqual([]);
    expect(named({ mid_block_type: null }).filter((key) => key.startsWith('mid_block'))).toEqual([]);
    const plain = named({ mid_block_type: 'UNetMidBlock2D' }).filter((key) => key.startsWith('mid_block'));
    expect(plain.every((key) => key.startsWith('mid_block.resnets.0'))).toBe(true);
    const others = new Map(
      keys({
        conv_in_kernel: 5,
        conv_out_kernel: 1,
        resnet_time_scale_shift: 'scale_shift',
        time_embedding_dim: 24,
      }),
    );
    expect(others.get('conv_in.weight')).toEqual([8, 4, 5, 5]);
    expect(others.get('conv_out.weight')).toEqual([4, 8, 1, 1]);
    expect(others.get('time_embedding.linear_2.weight')).toEqual([24, 24]);
    expect(others.get('down_blocks.0.resnets.0.time_emb_proj.weight')).toEqual([16, 24]);
  });

  it('names both mismatches of its inputs at once', () => {
    const { parameters, forward } = unetWith({});
    const wrong = defineFunction(
      { x: float32(1, 8, 8, 5), t: float32(1), text: float32(1, 3, 7) },
      ({ x, t, text }) => ({
        out: forward(parameters, x, t, text),
      }),
    );
    expect(() => traceShapes(wrong)).toThrow(ShapeError);
    expect(() => traceShapes(wrong)).toThrow(/takes 4 channels[\s\S]*takes width 8/);
  });
});

describe('gradients', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.close());

  it('equal finite differences along a direction, through every kind of layer', async () => {
    const { parameters, forward } = unetWith({
      only_cross_attention: [true, false, false],
      use_linear_projection: true,
    });
    const entries = [...parameters.entries().values()];
    const inputs = { x: float32(2, 7, 8, 4), t: float32(2), text: float32(2, 3, 8) };
    const lossOf = ({ x, t, text }: Record<keyof typeof inputs, Tensor>): Scalar =>
      tf.mean(tf.square(forward(parameters, x, t, text)));
    const loss = defineFunction(inputs, (given) => ({ loss: lossOf(given) }));
    const slopes = defineFunction(inputs, (given) => {
      const { grads } = tf.variableGrads(
        () => lossOf(given),
        entries.map(({ variable }) => variable),
      );
      return Object.fromEntries(
        entries.map(({ key, variable }) => [key, grads[variable.name] ?? tf.zeros(variable.shape)]),
      );
    });
    const program = await compile({ loss, slopes }, { engine, mode: 'graph' });
    const wave = (length: number, seed: number, scale: number): Float32Array =>
      Float32Array.from({ length }, (_, i) => scale * Math.sin(1 + seed + 1.7 * i * (1 + (seed % 5))));
    const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    const weights = entries.map(({ shape }, i) => wave(size(shape), i, 0.3));
    const direction = entries.map(({ shape }, i) => wave(size(shape), i + 1000, 1));
    const feeds = { x: wave(2 * 7 * 8 * 4, 3, 1), t: Float32Array.of(10.5, 900), text: wave(48, 9, 1) };
    const at = async (distance: number): Promise<number> => {
      const moved = entries.map(({ key }, i): [string, Float32Array] => {
        const values = weights[i] ?? new Float32Array();
        return [
          parameters.variableName(key),
          values.map((value, j) => value + distance * (direction[i]?.[j] ?? NaN)),
        ];
      });
      await program.write(new Map(moved));
      return (await program.run('loss', feeds))['loss']?.[0] ?? NaN;
    };
    const step = 1e-3;
    const measured = ((await at(step)) - (await at(-step))) / (2 * step);
    await at(0);
    const gradients = await program.run('slopes', feeds);
    let predicted = 0;
    for (const [i, { key }] of entries.entries()) {
      direction[i]?.forEach((value, j) => (predicted += value * (gradients[key]?.[j] ?? NaN)));
    }
    // Central differences of a float32 loss at this step: about three digits.
    expect(Math.abs(measured - predicted)).toBeLessThan(5e-3 * Math.abs(predicted));
    expect(Math.abs(predicted)).toBeGreaterThan(0.01);
    await program.dispose();
  });
});
