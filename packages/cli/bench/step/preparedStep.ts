// A run's train step without the run: its parts as `pipeline run` puts them together, fed with a batch that is made up.
import {
  createRunContainer,
  createTrainFunctions,
  instanceLoss,
  modelFacts,
  noisedRows,
  resolveConfig,
  Trainer,
  trainOptions,
  type Batch,
  type DiffusionModel,
  type Plugin,
  type PluginSetup,
  type ResolvedConfig,
  type TrainFunctionsOptions,
} from '@likeness/core';
import { createRng, type FunctionDefinition, type Program } from '@likeness/engine';

export interface PreparedStep {
  readonly model: DiffusionModel;
  readonly config: ResolvedConfig;
  readonly plugins: readonly PluginSetup[];
  readonly options: TrainFunctionsOptions;
  /** First values of what trains, where they are not the model's own. */
  readonly initialValues: ReadonlyMap<string, Float32Array>;
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** The loop around the step. @param program made of `functions` */
  trainer(program: Program): Trainer;
}

/** @param values settings beside those of the model and the methods */
export async function prepareStep(
  model: DiffusionModel,
  methods: readonly (() => Plugin)[],
  values: Readonly<Record<string, unknown>>,
): Promise<PreparedStep> {
  const layers = [
    {
      name: 'the benchmark',
      values: { instanceDataDir: 'none: batches are made up', classNoun: 'dog', ...values },
    },
  ];
  const { config, plugins } = resolveConfig({
    plugins: methods.map((make) => make()),
    layers,
    model: modelFacts(model),
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await Promise.all(container.trainables.map(({ create }) => create()));
  const side = config.resolution / model.latentCodec.downsampleFactor;
  const latentShape = [side, side, model.noisePredictor.latentChannels] as const;
  const options = trainOptions({ config, model, container, trainables, latentShape });
  const initialValues = new Map(
    trainables.flatMap(({ initialValues: first = new Map<string, Float32Array>() }) => [...first]),
  );
  const { functions } = createTrainFunctions(options);
  const trainer = (program: Program): Trainer => {
    const { maxLength, hiddenSize } = model.textEncoder;
    const hiddenStates = createRng(0)
      .stream('text', 0, 0)
      .normal(maxLength * hiddenSize);
    const batch = madeUpBatch(model, options);
    return new Trainer({
      model,
      config,
      lossTerms: container.lossTerms,
      lrSchedule: container.lrSchedule,
      program,
      groups: options.groups,
      data: {
        instance: { pictures: [] },
        prompts: [{ text: '', ids: new Int32Array(maxLength), hiddenStates }],
        scalingFactor: model.latentCodec.scalingFactor,
        latentShape,
      },
      trainsTextEncoder: false,
      batchAt: () => batch,
    });
  };
  return { model, config, plugins, options, initialValues, functions, trainer };
}

/** Rows of a step: instance pictures, then as many class pictures where there is prior preservation. */
export const rowsOf = ({ batchSize, withPrior }: TrainFunctionsOptions): number =>
  withPrior ? 2 * batchSize : batchSize;

function madeUpBatch({ noiseSchedule }: DiffusionModel, options: TrainFunctionsOptions): Batch {
  const rows = rowsOf(options);
  const [height, width, channels] = options.latentShape;
  const normal = (purpose: string): Float32Array =>
    createRng(0)
      .stream(purpose, 0, 0)
      .normal(rows * height * width * channels);
  const timesteps = Int32Array.from({ length: rows }, (_, row) => (row * 100) % 1000);
  return {
    ...noisedRows({ latents: normal('latents'), noise: normal('noise'), timesteps }, noiseSchedule),
    mask: new Float32Array(rows * height * width).fill(1),
    prompts: Array.from({ length: rows }, () => 0),
  };
}
