// The training loop: draw a batch, run the compiled step, say what happened. nanoGPT's loop, with the numbers drawn on
// the host and everything else inside one program.
import { createRng, type Program, type TypedData } from '@likeness/engine';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, LossTerm, ParameterGroup } from '../contracts.ts';
import type { LearningRateSchedule } from '../optimizer/lrSchedule.ts';
import { EngineError } from '../errors.ts';
import { concatFloats, drawBatch, type Batch, type BatchOptions, type EncodedData } from './batch.ts';

export interface TrainerOptions {
  readonly program: Program;
  readonly model: DiffusionModel;
  readonly config: ResolvedConfig;
  readonly groups: readonly ParameterGroup[];
  readonly lossTerms: readonly LossTerm[];
  readonly lrSchedule: LearningRateSchedule;
  readonly data: EncodedData;
  readonly trainsTextEncoder: boolean;
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
  private readonly batchOptions: BatchOptions;
  private readonly rng: ReturnType<typeof createRng>;

  constructor(options: TrainerOptions) {
    const { config, model } = options;
    this.options = options;
    this.rng = createRng(config.seed);
    this.batchOptions = {
      batchSize: config.trainBatchSize,
      schedule: model.noiseSchedule,
      noiseOffset: config.noiseOffset,
      inputPerturbation: config.inputPerturbation,
      ...(config.snrGamma === undefined ? {} : { snrGamma: config.snrGamma }),
    };
  }

  /**
   * @param step 0-based
   * @throws EngineError when loss or gradients are not finite, naming step and term
   */
  async step(step: number): Promise<StepResult> {
    const { program, config } = this.options;
    const { gradientAccumulationSteps: micro } = config;
    const learningRates = this.learningRates(step);
    const scalars = this.scalars(step, Object.values(learningRates));
    const batchOf = (i: number): Record<string, TypedData> =>
      this.feeds(drawBatch(this.options.data, this.batchOptions, this.rng, step * micro + i));

    if (micro === 1) {
      const outputs = await program.run('trainStep', { ...batchOf(0), ...scalars });
      return this.checked(step, this.result([outputs], outputs, learningRates));
    }
    const batches: Record<string, TypedData>[] = [];
    for (let i = 0; i < micro; i++) batches.push(await program.run('accumulate', batchOf(i)));
    return this.checked(
      step,
      this.result(batches, await program.run('applyGradients', scalars), learningRates),
    );
  }

  private learningRates(step: number): Record<string, number> {
    const { config, groups, lrSchedule } = this.options;
    const factor = lrSchedule(step);
    return Object.fromEntries(
      groups.map(({ name, learningRate = config.learningRate, learningRateScale = 1 }) => [
        name,
        learningRate * learningRateScale * factor,
      ]),
    );
  }

  private scalars(step: number, learningRates: readonly number[]): Record<string, TypedData> {
    const { adamBeta1, adamBeta2, emaDecay } = this.options.config;
    const t = step + 1;
    return {
      ...Object.fromEntries(learningRates.map((rate, i) => [`learningRate${i}`, Float32Array.of(rate)])),
      biasCorrection1: Float32Array.of(1 - adamBeta1 ** t),
      biasCorrection2: Float32Array.of(1 - adamBeta2 ** t),
      // Grows from 2/11 as in diffusers' EMAModel, so that early averages forget the start.
      ...(emaDecay === undefined
        ? {}
        : { emaDecay: Float32Array.of(Math.min(emaDecay, (1 + t) / (10 + t))) }),
    };
  }

  private feeds({ prompts, ...arrays }: Batch): Record<string, TypedData> {
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

  private checked(step: number, result: StepResult): StepResult {
    const numbers = { ...result.terms, loss: result.loss, gradientNorm: result.gradientNorm };
    const broken = Object.entries(numbers).filter(([, value]) => !Number.isFinite(value));
    if (broken.length === 0) return result;
    throw new EngineError('training has diverged', {
      where: `step ${step + 1}`,
      details: broken.map(([name, value]) => `${name} is ${value}`),
      cure: 'a smaller --learning-rate, or fp32 instead of bf16; the last checkpoint is from before this step',
    });
  }
}
