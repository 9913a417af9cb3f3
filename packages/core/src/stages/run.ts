// What the stages of one run share.
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, RunContext, SampleWatch, Trainable } from '../contracts.ts';
import type { EventOf } from '../events.ts';
import type { Cache } from '../cache/cache.ts';
import type { RunContainer } from '../di/runContainer.ts';
import type { Machine } from '../training/machine.ts';
import type { ReadSaved } from '../training/checkpoint.ts';
import type { PictureFunctions, PictureShape } from '../sampling/pictureFunctions.ts';
import type { TrainFunctions } from '../training/trainFunctions.ts';
import type { Checkpoint } from '../runFolder/checkpoints.ts';
import type { RunFolder } from '../runFolder/runFolder.ts';

/** Everything known before the machine starts. */
export interface RunSetting extends RunContext {
  readonly config: ResolvedConfig;
  readonly model: DiffusionModel;
  readonly container: RunContainer;
  readonly folder: RunFolder;
  readonly cache: Cache;
  /** The checkpoint the run goes on from. */
  readonly from: Checkpoint | undefined;
  /** Steps that the run was planned for before, where it now goes on beyond them. */
  readonly plannedBefore: number | undefined;
  /** Settings, model and contents: what is known before the machine runs of what a checkpoint must agree with. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly readSaved: ReadSaved;
  /** Shown the samples; closed by whoever made it. */
  readonly watch: SampleWatch | undefined;
}

/** With the machine running: weights loaded, functions compiled. */
export interface RunState extends RunSetting {
  readonly machine: Machine;
  readonly trainables: readonly Trainable[];
  readonly train: TrainFunctions;
  readonly pictures: PictureShape;
  /** Functions that make pictures of the base model, before training moves its own weights. */
  readonly base: PictureFunctions;
  /**
   * What besides its inputs can change the bits of a computed thing; part of every cache key.
   * @param functions what computes it, by a name that means the same in every run
   */
  readonly identityOf: (functions: Readonly<Record<string, string>>) => Readonly<Record<string, unknown>>;
  readonly trainsTextEncoder: boolean;
  /** What a checkpoint must have been made under to be continued. */
  readonly resumeIdentity: Readonly<Record<string, unknown>>;
}

/** Reports progress of a long thing: at most a few times a second, and only once it has lasted two seconds. */
export function progressReporter(
  { emit }: Pick<RunContext, 'emit'>,
  stage: EventOf<'progress'>['stage'],
  unit: string,
): (done: number, total: number, message?: string) => void {
  const start = performance.now();
  let last = start;
  return (done, total, message) => {
    const now = performance.now();
    if (now - start < 2000 || now - last < 250) return;
    last = now;
    const left = done > 0 && total > 0 ? ((now - start) / 1000) * (total / done - 1) : undefined;
    emit({
      type: 'progress',
      stage,
      done,
      total,
      unit,
      ...(left === undefined ? {} : { secondsLeft: left }),
      ...(message === undefined ? {} : { message }),
    });
  };
}
