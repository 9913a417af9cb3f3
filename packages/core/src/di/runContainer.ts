// The container of one run: core's services and one module per plugin. Whoever runs the pipeline asks it for exactly
// what stands in `RunContainer`.
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type {
  DiffusionModel,
  InstancePrompts,
  LossTerm,
  PriorRequest,
  SetupContext,
  Trainable,
} from '../contracts.ts';
import { learningRateScheduleOf } from '../config/learningRateScheduleOf.ts';
import type { LearningRateSchedule } from '../optimizer/lrSchedule.ts';
import type { OptimizerSettings } from '../plugins/definePlugin.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import { createContainer, type Module, type ServiceContainer } from './provide.ts';
import { all, optional, token, type Provide } from './tokens.ts';

export const CONFIG = token<ResolvedConfig>('CONFIG');
export const MODEL = token<DiffusionModel>('MODEL');
export const SETUP_CONTEXT = token<SetupContext>('SETUP_CONTEXT');
export const TRAINABLE_FACTORY = token<TrainableFactory>('TRAINABLE_FACTORY');
export const DENOISING_LOSS = token<LossTerm>('DENOISING_LOSS');
export const LOSS_TERM = token<LossTerm>('LOSS_TERM');
/** What the step minimises: the denoising loss first, then further terms in recipe order. */
export const LOSS_TERMS = token<readonly LossTerm[]>('LOSS_TERMS');
export const PRIOR = token<PriorRequest>('PRIOR');
export const INSTANCE_PROMPTS = token<InstancePrompts>('INSTANCE_PROMPTS');
export const OPTIMIZER = token<OptimizerSettings>('OPTIMIZER');
export const LR_SCHEDULE = token<LearningRateSchedule>('LR_SCHEDULE');

/** Makes what a plugin trains, before the step is traced. */
export interface TrainableFactory {
  readonly plugin: string;
  readonly create: () => Promise<Trainable>;
}

/** What a run is made of. */
export interface RunContainer {
  readonly trainables: readonly TrainableFactory[];
  readonly lossTerms: readonly LossTerm[];
  readonly prior: PriorRequest | undefined;
  /** Prompts of each picture: its caption, else the instance prompt, unless a plugin brings others. */
  readonly instancePrompts: InstancePrompts;
  readonly optimizer: OptimizerSettings;
  /** Factor on the learning rate at a step, 0 for the first. */
  readonly lrSchedule: LearningRateSchedule;
  /** Services that plugins bind for themselves. */
  readonly services: ServiceContainer;
}

export interface RunContainerOptions {
  readonly config: ResolvedConfig;
  readonly model: DiffusionModel;
  /** Set up and checked by `resolveConfig`. */
  readonly plugins: readonly PluginSetup[];
  /** Core's own; a plugin's takes its place. */
  readonly denoisingLoss: LossTerm;
}

/** One container a run, one module a plugin. Nothing is made before it is asked for. */
export function createRunContainer(options: RunContainerOptions): RunContainer {
  const services = createContainer([coreModule(options), ...options.plugins.map(pluginModule)]);
  return {
    trainables: services.get(all(TRAINABLE_FACTORY)),
    lossTerms: services.get(LOSS_TERMS),
    prior: services.get(optional(PRIOR)),
    instancePrompts: services.get(INSTANCE_PROMPTS),
    optimizer: services.get(OPTIMIZER),
    lrSchedule: services.get(LR_SCHEDULE),
    services,
  };
}

function coreModule({ config, model, plugins, denoisingLoss }: RunContainerOptions): Module {
  const replaced = (key: 'denoisingLoss' | 'optimizer' | 'instancePrompts'): boolean =>
    plugins.some(({ contributions }) => contributions[key] !== undefined);
  const bind = (provide: Provide): void => {
    provide(CONFIG, [], () => config);
    provide(MODEL, [], () => model);
    provide(SETUP_CONTEXT, [CONFIG], ({ prompts, seed, recipe }) => ({
      prompts,
      seed,
      plugins: recipe.split('+'),
    }));
    provide(LOSS_TERMS, [DENOISING_LOSS, all(LOSS_TERM)], (denoising, terms) => [denoising, ...terms]);
    provide(LR_SCHEDULE, [CONFIG], learningRateScheduleOf);
    if (!replaced('denoisingLoss')) provide(DENOISING_LOSS, [], () => denoisingLoss);
    if (!replaced('optimizer')) provide(OPTIMIZER, [CONFIG], optimizerOf);
    if (!replaced('instancePrompts')) {
      provide(INSTANCE_PROMPTS, [CONFIG], ({ prompts }) => ({ caption = prompts.instancePrompt }) => [
        caption,
      ]);
    }
  };
  return { name: 'core', bind };
}

/** One binding for each thing a plugin contributes. */
function pluginModule({ plugin, contributions }: PluginSetup): Module {
  const {
    trainable,
    lossTerms = [],
    denoisingLoss,
    prior,
    instancePrompts,
    optimizer,
    bindings,
  } = contributions;
  const bind = (provide: Provide): void => {
    if (trainable) {
      provide(TRAINABLE_FACTORY, [MODEL, SETUP_CONTEXT], (model, context) => ({
        plugin: plugin.name,
        create: async () => trainable(model, context),
      }));
    }
    for (const term of lossTerms) provide(LOSS_TERM, [], () => term);
    if (denoisingLoss) provide(DENOISING_LOSS, [], () => denoisingLoss);
    if (prior) provide(PRIOR, [], () => prior);
    if (instancePrompts) provide(INSTANCE_PROMPTS, [], () => instancePrompts);
    if (optimizer) provide(OPTIMIZER, [], () => optimizer);
    bindings?.(provide);
  };
  return { name: `plugin ${plugin.name}`, bind };
}

function optimizerOf(config: ResolvedConfig): OptimizerSettings {
  return {
    name: config.optimizer,
    beta1: config.adamBeta1,
    beta2: config.adamBeta2,
    epsilon: config.adamEpsilon,
    weightDecay: config.adamWeightDecay,
  };
}
