// The kit itself: a sound plugin passes, and each way of breaking the contract fails the test that is about it.
import { createVariable, tf } from '@likeness/engine';
import { assert, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LayerCall } from '../model/parameters.ts';
import type { DiffusionModel, Trainable } from '../contracts.ts';
import { definePlugin, type PluginFactory } from '../plugins/definePlugin.ts';
import { openTinyModel, testPlugin } from './index.ts';
import type { Reloaded } from './observeTraining.ts';
import { readSafetensorsHeader, readTensor } from '@likeness/engine';

const PATH = 'conv_in';

/** An adapter that adds a trained shift to one layer, and what a faulty author might have got wrong. */
interface Faults {
  readonly keepsAttached?: boolean;
  readonly exportsNothing?: boolean;
  readonly writesBase?: boolean;
  readonly trainsUnused?: boolean;
  readonly standsStill?: boolean;
}

function attachShift(model: DiffusionModel, { keepsAttached, writesBase, standsStill }: Faults = {}) {
  const shift = createVariable({ name: 'shift', shape: [16] });
  const { parameters } = model.noisePredictor;
  const take = parameters.attach(PATH, (call: LayerCall) => {
    if (writesBase)
      parameters
        .entries()
        .get('conv_out.bias')
        ?.variable.assign(tf.ones([4]));
    const output = tf.add(call.base(), shift);
    return standsStill ? tf.add(call.base(), tf.mul(shift, 0)) : output;
  });
  const detach = (): void => {
    if (!keepsAttached) take();
    if (!keepsAttached) shift.dispose();
  };
  return { shift, detach };
}

const shiftPlugin = (faults: Faults = {}): PluginFactory =>
  definePlugin({
    name: 'shift',
    description: 'adds a learned constant to a layer',
    options: z.strictObject({}),
    setup: () => ({
      trainable: (model): Trainable => {
        const { shift, detach } = attachShift(model, faults);
        const unused = faults.trainsUnused ? [createVariable({ name: 'unused', shape: [2] })] : [];
        return {
          groups: [{ name: 'shift', variables: [shift, ...unused], weightDecay: 0 }],
          touches: ['unet'],
          initialValues: new Map([['shift', new Float32Array(16).fill(0.01)]]),
          export: async ({ folder, weights, variableFor }) => {
            const file = `${folder}/shift.safetensors`;
            const tensor = { key: 'shift', dtype: 'F32', layout: 'asIs' } as const;
            await weights.save(file, [{ ...tensor, variable: variableFor('shift') }], {});
            return [file];
          },
          detach,
        };
      },
    }),
  }) as PluginFactory;

/** Opens a model anew and puts the exported shift over it. */
const reload =
  ({ exportsNothing }: Faults = {}) =>
  async (folder: string, { baseFolder }: { readonly baseFolder: string }): Promise<Reloaded> => {
    const model = await openTinyModel(baseFolder);
    attachShift(model);
    const { tensors } = await readSafetensorsHeader(`${folder}/shift.safetensors`);
    const entry = tensors.get('shift');
    if (entry === undefined) throw new Error('no shift');
    const values = await readTensor(entry);
    return { model, initialValues: new Map([['shift', exportsNothing ? new Float32Array(16) : values]]) };
  };

/** The kit's tests as a list of those that fail. */
async function failures(faults: Faults, only: RegExp): Promise<string[]> {
  const bodies: [string, () => Promise<void>][] = [];
  testPlugin(shiftPlugin(faults), {
    describe: (_, body) => {
      body();
    },
    it: (name, body) => bodies.push([name, body]),
    assert: {
      ok: (value, message) => {
        if (!value) throw new Error(message);
      },
    },
    reload: reload(faults),
  });
  const failed: string[] = [];
  for (const [name, body] of bodies) {
    if (!only.test(name)) continue;
    await body().catch((error: unknown) => failed.push(`${name}: ${String(error)}`));
  }
  return failed;
}

testPlugin(shiftPlugin(), { describe, it, assert, reload: reload() });

describe('the kit finds', () => {
  const quick = /learns|leaves|holds|detaches|exports/;
  it.each<[keyof Faults, RegExp]>([
    ['keepsAttached', /detaches without a trace.*the model is another/],
    ['exportsNothing', /exports what predicts.*predicts differently/],
    ['writesBase', /leaves every weight.*not to be trained and changed: unet\.conv_out\.bias/],
    ['trainsUnused', /learns.*never moved: unused/],
    ['standsStill', /learns.*the loss went from/],
  ])('%s', async (fault, message) => {
    const failed = await failures({ [fault]: true }, quick);
    expect(failed.join('\n')).toMatch(message);
  });
});
