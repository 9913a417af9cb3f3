// The loop around steps, whatever a step is: says what happened, asks for checkpoints and looks when they are due, and
// ends at a whole step when nobody listens any more.
import type { RunContext } from '../contracts.ts';
import type { StepResult } from './trainer.ts';

/** How many step times the estimate of what is left looks at. */
const REMEMBERED_STEPS = 20;

export interface TrainingLoop extends Pick<RunContext, 'emit' | 'signal'> {
  /** Steps done before: where a resumed run goes on. */
  readonly firstStep: number;
  /** Steps in all. Asked before every step: a plan by wall time may change it. */
  maxTrainSteps(): number;
  /** @param step 0-based */
  step(step: number): Promise<StepResult>;
  /** Resident bytes of the engine process. */
  memoryBytes(): Promise<number>;
  /** Seconds left, where something else than the steps decides the end. */
  secondsLeft?(stepsLeft: number, secondsPerStep: number): number;
  /**
   * After every step, once it is told.
   * @param done steps done in all
   * @param last nothing follows: the steps are done, or the run is being stopped
   */
  after(done: number, last: boolean): Promise<void>;
}

export interface LoopEnd {
  /** Steps done in all. */
  readonly step: number;
  readonly finished: boolean;
  /** Of the last step, when this process did one. */
  readonly last?: StepResult;
}

export async function runTrainingLoop(loop: TrainingLoop): Promise<LoopEnd> {
  const { emit, signal } = loop;
  let step = loop.firstStep;
  let last: StepResult | undefined;
  let memoryBytes = await loop.memoryBytes();
  const seconds: number[] = [];
  while (step < loop.maxTrainSteps() && !signal.aborted) {
    const start = performance.now();
    last = await loop.step(step);
    step++;
    seconds.push((performance.now() - start) / 1000);
    if (seconds.length > REMEMBERED_STEPS) seconds.shift();
    if (step % 10 === 1) memoryBytes = await loop.memoryBytes();
    const secondsPerStep = median(seconds);
    const maxTrainSteps = loop.maxTrainSteps();
    const left = maxTrainSteps - step;
    emit({
      type: 'step',
      step,
      maxTrainSteps,
      ...last,
      secondsPerStep,
      secondsLeft: loop.secondsLeft?.(left, secondsPerStep) ?? secondsPerStep * left,
      memoryBytes,
    });
    await loop.after(step, step >= maxTrainSteps || signal.aborted);
  }
  return { step, finished: step >= loop.maxTrainSteps(), ...(last === undefined ? {} : { last }) };
}

/** The first call of a step compiles it: the median does not see that. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
