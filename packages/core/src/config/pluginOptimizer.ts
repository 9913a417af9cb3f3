// A plugin may bring the optimizer. The config of the run then says what it is: the step's bias correction, the identity
// of checkpoints, the record and the exported metadata are all made from the config.
import type { Warning } from '../errors.ts';
import type { OptimizerSettings } from '../plugins/definePlugin.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import type { ConfigLayer } from './layers.ts';
import { mergeLayers } from './layers.ts';
import type { Config } from './schema.ts';

type OptimizerKey = 'optimizer' | 'adamBeta1' | 'adamBeta2' | 'adamEpsilon' | 'adamWeightDecay';

/** Settings that a plugin's optimizer stands for, over what anybody else said; undefined when no plugin brings one. */
export function optimizerLayer(setups: readonly PluginSetup[]): ConfigLayer | undefined {
  const bringing = setups.find(({ contributions }) => contributions.optimizer !== undefined);
  const optimizer = bringing?.contributions.optimizer;
  return optimizer && { name: `optimizer of ${bringing.plugin.name}`, values: settingsOf(optimizer) };
}

function settingsOf(settings: OptimizerSettings): Partial<Record<OptimizerKey, unknown>> {
  const { name, beta1, beta2, epsilon, weightDecay } = settings;
  const own = { optimizer: name, adamWeightDecay: weightDecay };
  // Plain gradient descent has no moments.
  return name === 'sgd' ? own : { ...own, adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon };
}

/** Warnings for what somebody said of the optimizer that the plugin's stands in place of. */
export function replacedOptimizerSettings(
  optimizer: ConfigLayer | undefined,
  layers: readonly ConfigLayer[],
): Warning[] {
  const said = mergeLayers(layers) as Partial<Config>;
  return Object.entries(optimizer?.values ?? {}).flatMap(([key, value]) => {
    const asked = said[key as OptimizerKey];
    return asked === undefined || asked === value
      ? []
      : [
          {
            code: 'config/no-effect',
            text: `${key} has no effect: the ${optimizer?.name} says ${String(value)}`,
          },
        ];
  });
}
