// The tests every plugin passes, ours and others'. Neutral towards test runners: their words are handed in.
//
//   import { describe, it, assert } from 'vitest';            // or node:test and node:assert
//   import { testPlugin } from '@likeness/core/testing';
//   testPlugin(myPlugin, { describe, it, assert });
import { join } from 'node:path';
import type { ConfigInput } from '../config/schema.ts';
import type { DiffusionModel } from '../contracts.ts';
import type { PipelineEvent } from '../events.ts';
import { lossCurve, readEvents } from '../runFolder/eventLog.ts';
import { openCheckpoints } from '../runFolder/checkpoints.ts';
import { runPipeline } from '../pipeline.ts';
import { attachExports } from '../plugins/attachExports.ts';
import type { Plugin, PluginFactory } from '../plugins/definePlugin.ts';
import { observeTraining, sameBits, type Observation, type Reloaded } from './observeTraining.ts';
import { openTinyModel } from './tinyModel.ts';
import { createTrial, type Trial } from './trial.ts';

export interface TestPluginOptions {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
  readonly assert: { ok(value: unknown, message?: string): void };
  /** Options of the plugin. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Plugins before it in the recipe: something that trains, for one that brings only losses or class pictures. */
  readonly beside?: readonly Plugin[];
  /** Makes the model in an empty folder. Default: a tiny one, made for this. */
  readonly model?: (folder: string) => Promise<DiffusionModel>;
  /** Settings of the runs; a learning rate at which this method learns on that model, say. */
  readonly config?: ConfigInput;
  /**
   * Opens what was exported, so that the result predicts as the trained model did. Default, on the tiny model: what the
   * plugins' `attachExport` lay over it, or else the export as a model folder.
   */
  readonly reload?: (folder: string, trial: { readonly baseFolder: string }) => Promise<Reloaded>;
}

/** Steps on one batch: enough for a loss to fall at the trial's learning rate. */
const STEPS = 20;
/** Compilers order sums differently; over a few steps on small numbers that stays far below this. */
const MODE_TOLERANCE = 1e-3;

/**
 * Declares the conformance tests of a plugin: it learns; equal seeds give equal bits; what it does not train stays as
 * it is; nothing leaks; exports load back to the same output; detaching restores the base model; wrong options are
 * refused with plugin and path; a run stops when nobody listens; all modes agree.
 *
 * Each test starts TensorFlow, so give the runner time: 60 s a test are plenty.
 */
export function testPlugin(factory: PluginFactory, settings: TestPluginOptions): void {
  const { describe, it, assert, options = {}, beside = [], model, config, reload } = settings;
  const name = factory.pluginName;
  const plugins = [...beside, factory(options)];
  const trial = once(() =>
    createTrial({ plugins, ...(model ? { model } : {}), ...(config ? { config } : {}) }),
  );
  const reloading =
    reload ??
    (model
      ? undefined
      : async (folder: string, { baseFolder }: { readonly baseFolder: string }): Promise<Reloaded> => {
          const attaches = plugins.some(({ attachExport }) => attachExport !== undefined);
          if (!attaches) return { model: await openTinyModel(folder) };
          const base = await openTinyModel(baseFolder);
          const { initialValues } = await attachExports(base, plugins, folder);
          return { model: base, initialValues };
        });
  const observed = once(async (): Promise<Observation> => {
    const at = await trial();
    const exported = reloading && {
      folder: join(at.folder, 'exported'),
      reload: (folder: string) => reloading(folder, { baseFolder: join(at.folder, 'model') }),
    };
    const request = { ...at.resolve(), model: at.model, mode: 'graph', steps: STEPS } as const;
    return observeTraining({ ...request, ...(exported ? { exported } : {}) });
  });

  describe(`plugin ${plugins.map((plugin) => plugin.name).join('+')} ${JSON.stringify(options)}`, () => {
    it('learns: the loss of a fixed batch falls', async () => {
      const { losses, unmovedTrained } = await observed();
      const [first = NaN, last = NaN] = [losses[0], losses.at(-1)];
      assert.ok(
        last < 0.999 * first,
        `${name}: the loss went from ${first} to ${last} in ${losses.length} steps on one batch`,
      );
      const none = unmovedTrained.length === 0;
      assert.ok(none, `${name}: to be trained and never moved: ${unmovedTrained.join(', ')}`);
    });

    it('leaves every weight it does not train as it is', async () => {
      const { movedFrozen } = await observed();
      assert.ok(
        movedFrozen.length === 0,
        `${name}: not to be trained and changed: ${movedFrozen.join(', ')}`,
      );
    });

    it('holds no tensors after a step', async () => {
      const { tensors } = await observed();
      assert.ok(tensors[0] === tensors[1], `${name}: ${tensors[0]} tensors early, ${tensors[1]} later`);
    });

    it('detaches without a trace: the base model predicts as before, bit for bit', async () => {
      const { outputs, programs } = await observed();
      assert.ok(!sameBits(outputs.before, outputs.trained), `${name}: training changed no prediction`);
      // Programs tell what outputs may hide: an adapter that is still attached and happens to add nothing.
      const same = programs.before === programs.detached && sameBits(outputs.before, outputs.detached);
      assert.ok(same, `${name}: after detach() the model is another`);
    });

    if (reloading) {
      it('exports what predicts as the trained model, bit for bit', async () => {
        const { outputs, files } = await observed();
        assert.ok(files.length > 0, `${name}: export() names no file`);
        assert.ok(
          sameBits(outputs.trained, outputs.reloaded),
          `${name}: the export, loaded again, predicts differently`,
        );
      });
    }

    it('gives equal runs for equal seeds, and others for others', async () => {
      const at = await trial();
      const [first, second, other] = [
        await losses(at, { outputDir: join(at.folder, 'a'), seed: 3 }),
        await losses(at, { outputDir: join(at.folder, 'b'), seed: 3 }),
        await losses(at, { outputDir: join(at.folder, 'c'), seed: 4 }),
      ];
      assert.ok(first === second, `${name}: two runs of one seed:\n${first}\n${second}`);
      assert.ok(first !== other, `${name}: the seed changes nothing`);
    });

    it('agrees in eager, graph and XLA mode', async () => {
      const at = await trial();
      const [eager, graph, xla] = [
        await losses(at, { outputDir: join(at.folder, 'eager'), mode: 'eager' }),
        await losses(at, { outputDir: join(at.folder, 'graph'), mode: 'graph' }),
        await losses(at, { outputDir: join(at.folder, 'xla'), mode: 'xla' }),
      ].map((json) => JSON.parse(json) as { loss: number }[]);
      graph?.forEach(({ loss }, step) => {
        for (const [mode, others] of Object.entries({ eager, xla })) {
          const difference = Math.abs((others?.[step]?.loss ?? NaN) - loss) / Math.abs(loss);
          assert.ok(
            difference < MODE_TOLERANCE,
            `${name}: step ${step + 1} in ${mode} mode is off by ${difference} of the loss in graph mode`,
          );
        }
      });
    });

    it('refuses options it does not know, naming itself and where', async () => {
      const at = await trial();
      const wrong = { ...options, noSuchOption: 1 };
      let message = '';
      try {
        at.resolve({}, [{ name: 'flags', values: { pluginOptions: { [name]: wrong } } }]);
      } catch (error) {
        message = String(error);
      }
      const path = `pluginOptions.${name}.noSuchOption`;
      assert.ok(message.includes(path), `${name}: expected an error with ${path}, got: ${message || 'none'}`);
    });

    it('stops after the step it is in when nobody listens any more, with a checkpoint', async () => {
      const at = await trial();
      const folder = join(at.folder, 'stopped');
      const last = await stopAtStep(at, { outputDir: folder, maxTrainSteps: 10_000 }, 2);
      assert.ok(last.type === 'run-interrupted', `${name}: the last event is ${last.type}`);
      const checkpoint = await openCheckpoints(folder).latest();
      const step = lossCurve(readEvents(folder)).at(-1)?.step;
      assert.ok(checkpoint?.step === step, `${name}: ${step} steps, checkpoint at ${checkpoint?.step}`);
    });
  });
}

/** Makes something when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Losses by step, as JSON that tells every bit. */
async function losses(trial: Trial, values: ConfigInput): Promise<string> {
  return JSON.stringify(lossCurve(await trial.run(values)));
}

/** Unsubscribes at a step and waits for the run's last event, which only its folder hears. */
async function stopAtStep(
  { resolve, model }: Trial,
  values: ConfigInput & { readonly outputDir: string },
  step: number,
): Promise<PipelineEvent> {
  const { config, plugins } = resolve(values);
  await new Promise<void>((stopped, fail) => {
    const subscription = runPipeline({ config, plugins, model }).subscribe({
      next: (event) => {
        if (event.type !== 'step' || event.step < step) return;
        subscription.unsubscribe();
        stopped();
      },
      error: fail,
    });
  });
  for (;;) {
    const last = readEvents(values.outputDir).at(-1);
    if (last === undefined || last.type === 'run-interrupted' || last.type === 'run-finished') {
      return last ?? { type: 'warning', code: 'plugin/error', text: 'no event' };
    }
    await new Promise((tick) => setTimeout(tick, 20));
  }
}
