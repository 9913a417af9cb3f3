// The training loop: draw a batch, run the compiled step, say what happened. nanoGPT's loop, with the numbers drawn on
// the host and everything else inside one program.
import { createRng, type Program, type Rng, type TypedData } from '@likeness/engine';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, LossTerm, ParameterGroup } from '../contracts.ts';
import type { LearningRateSchedule } from '../optimizer/lrSchedule.ts';
import { EngineError, WeightsError } from '../errors.ts';
import { drawStepInputs, type DrawnInput } from './stepInputs.ts';
import { concatFloats, drawBatch, type Batch, type BatchOptions, type EncodedData } from './batch.ts';
import { updateScalars } from './parameterUpdate.ts';

export interface TrainerOptions {
  readonly program: Program;
  readonly model: DiffusionModel;
  readonly config: ResolvedConfig;
  readonly groups: readonly ParameterGroup[];
  readonly lossTerms: readonly LossTerm[];
  readonly lrSchedule: LearningRateSchedule;
  readonly data: EncodedData;
  readonly trainsTextEncoder: boolean;
  /** What is drawn for every gradient computation besides the batch: `TrainFunctions.drawn`. */
  readonly drawn?: readonly DrawnInput[];
  /** Where batches come from, by number of the gradient computation. Default: drawn from `data` by the config's seed. */
  readonly batchAt?: (microStep: number) => Batch;
}

export interface StepResult {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRates: Readonly<Record<string, number>>;
}

/** Runs training steps; a step is a pure function of the weights, the config and its number. */
export class Trainer {
  private readonly options: TrainerOptions;
  private readonly batchAt: (microStep: number) => Batch;
  private readonly rng: Rng;

  constructor(options: TrainerOptions) {
    const { config, model, data } = options;
    this.options = options;
    const rng = createRng(config.seed);
    this.rng = rng;
    const batchOptions: BatchOptions = {
      batchSize: config.trainBatchSize,
      schedule: model.noiseSchedule,
      noiseOffset: config.noiseOffset,
      inputPerturbation: config.inputPerturbation,
      ...(config.snrGamma === undefined ? {} : { snrGamma: config.snrGamma }),
    };
    this.batchAt = options.batchAt ?? ((microStep) => drawBatch(data, batchOptions, rng, microStep));
  }

  /**
   * @param step 0-based
   * @param checkpoint folder of the last one, for the message when training diverges
   * @throws EngineError when loss or gradients are not finite, naming step, term and the checkpoint; WeightsError in the
   *   very first step, where nothing was trained yet
   */
  async step(step: number, checkpoint?: string): Promise<StepResult> {
    const { program, config } = this.options;
    const { gradientAccumulationSteps: micro } = config;
    const rates = this.learningRates(step);
    // Two plugins may call a group the same: each keeps its own rate, the event tells the last.
    const learningRates = Object.fromEntries(this.options.groups.map(({ name }, i) => [name, rates[i] ?? 0]));
    const scalars = this.scalars(step, rates);
    const { drawn = [] } = this.options;
    const batchOf = (i: number): Record<string, TypedData> => ({
      ...this.feeds(this.batchAt(step * micro + i)),
      ...drawStepInputs(drawn, this.rng, step * micro + i),
    });

    if (micro === 1) {
      const outputs = await program.run('trainStep', { ...batchOf(0), ...scalars });
      return checked(step, this.result([outputs], outputs, learningRates), checkpoint);
    }
    const batches: Record<string, TypedData>[] = [];
    for (let i = 0; i < micro; i++) batches.push(await program.run('accumulate', batchOf(i)));
    const applied = await program.run('applyGradients', scalars);
    return checked(step, this.result(batches, applied, learningRates), checkpoint);
  }

  /** By group. */
  private learningRates(step: number): number[] {
    const { config, groups, lrSchedule } = this.options;
    const factor = lrSchedule(step);
    const rows = config.scaleLr ? config.trainBatchSize * config.gradientAccumulationSteps : 1;
    return groups.map(
      ({ learningRate = config.learningRate * rows, learningRateScale = 1 }) =>
        learningRate * learningRateScale * factor,
    );
  }

  private scalars(step: number, learningRates: readonly number[]): Record<string, TypedData> {
    const { adamBeta1, adamBeta2, emaDecay } = this.options.config;
    return updateScalars(step, { learningRates, adamBeta1, adamBeta2, emaDecay });
  }

  /** What a batch is to the functions that compute gradients. */
  feeds({ prompts, ...arrays }: Batch): Record<string, TypedData> {
    const { data, trainsTextEncoder } = this.options;
    const rows = prompts.map((row) => data.prompts[row]);
    if (trainsTextEncoder)
      return { ...arrays, inputIds: Int32Array.from(rows.flatMap((prompt) => [...(prompt?.ids ?? [])])) };
    return {
      ...arrays,
      hiddenStates: concatFloats(rows.map((prompt) => prompt?.hiddenStates ?? new Float32Array())),
    };
  }

  /** Means over the batches of an accumulated step. */
  private result(
    batches: readonly Record<string, TypedData>[],
    applied: Readonly<Record<string, TypedData>>,
    learningRates: Readonly<Record<string, number>>,
  ): StepResult {
    const mean = (key: string): number =>
      batches.reduce((sum, outputs) => sum + (outputs[key]?.[0] ?? NaN), 0) / batches.length;
    const terms = this.options.lossTerms.map(({ name }) => [name, mean(`term.${name}`)]);
    const gradientNorm = applied['gradientNorm']?.[0] ?? NaN;
    return {
      loss: mean('loss'),
      terms: Object.fromEntries(terms) as Record<string, number>,
      gradientNorm,
      learningRates,
    };
  }
}

/**
 * @throws EngineError when a number is not finite, naming step, term and the last checkpoint
 * @throws WeightsError when that is so in the very first step: its loss and gradients are those of untouched weights
 */
export function checked(step: number, result: StepResult, checkpoint: string | undefined): StepResult {
  const numbers = { ...result.terms, loss: result.loss, gradientNorm: result.gradientNorm };
  const broken = Object.entries(numbers).filter(([, value]) => !Number.isFinite(value));
  if (broken.length === 0) return result;
  const found = { where: `step ${step + 1}`, details: broken.map(([name, value]) => `${name} is ${value}`) };
  if (step === 0) {
    throw new WeightsError('the loss is no number before anything was trained', {
      code: 'model/not-finite',
      ...found,
      hint: 'the learning rate is not the cause: weights of the model hold NaN or infinity (pipeline generate MODEL shows what it draws), or a loss of a plugin divides by zero',
    });
  }
  const last =
    checkpoint === undefined
      ? 'there is no checkpoint from before it'
      : `the last good checkpoint is ${checkpoint}`;
  throw new EngineError('training has diverged', {
    code: 'run/diverged',
    ...found,
    hint: `a smaller --learning-rate, or fp32 instead of bf16; ${last}`,
  });
}
