// Which wheels hold TensorFlow for which machine: the committed lock and the choice from it.

import lock from '../../tensorflow.lock.json' with { type: 'json' };
import { EngineError } from '../errors.ts';

/** `cuda` needs an NVIDIA driver; macOS and aarch64 have `cpu` only. */
export type TensorFlowVariant = 'cpu' | 'cuda';

/** A wheel pinned to one file. Wheel file names end in `-<python>-<abi>-<platform>.whl` (PEP 427). */
export interface LockedWheel {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly sha256: string;
}

export interface WheelTarget {
  /** E.g. `linux-x64-cpu`. */
  readonly id: string;
  readonly version: string;
  readonly variant: TensorFlowVariant;
  /** TensorFlow first, then (CUDA only) NVIDIA's libraries. */
  readonly wheels: readonly [LockedWheel, ...LockedWheel[]];
}

/** The TensorFlow this version of the engine is built for. */
export const TENSORFLOW_VERSION: string = lock.version;

/**
 * Chooses the wheels for a machine.
 *
 * @throws EngineError when TensorFlow publishes none for it; lists those it does.
 */
export function chooseWheels(
  variant: TensorFlowVariant,
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): WheelTarget {
  const targets: Readonly<Record<string, readonly LockedWheel[]>> = lock.targets;
  const id = `${platform}-${arch}-${variant}`;
  const [tensorflow, ...others] = targets[id] ?? [];
  if (tensorflow === undefined) {
    throw new EngineError(`no TensorFlow ${lock.version} wheel for ${id}`, {
      code: 'engine/no-tensorflow',
      expected: `one of ${Object.keys(targets).join(', ')}`,
      got: id,
      hint:
        variant === 'cuda'
          ? "ask for the variant 'cpu'"
          : 'run on Linux (x64 or arm64, glibc 2.27 or newer) or on an arm64 Mac',
    });
  }
  return { id, version: lock.version, variant, wheels: [tensorflow, ...others] };
}

/** The tags that make pip choose exactly this file, whatever python3 runs it. */
export function wheelTags({ filename }: LockedWheel): {
  readonly pythonVersion: string;
  readonly abi: string;
  readonly platform: string;
} {
  const [platformTags, abi, pythonTag] = filename
    .replace(/\.whl$/, '')
    .split('-')
    .reverse();
  if (platformTags === undefined || abi === undefined || pythonTag === undefined) {
    throw new Error(`not a wheel's file name: ${filename}`);
  }
  const digits = /^cp3(\d+)$/.exec(pythonTag)?.[1];
  return {
    // NVIDIA's wheels are for any Python 3 ("py3").
    pythonVersion: digits === undefined ? '3.11' : `3.${digits}`,
    abi,
    // One wheel may carry several tags ("manylinux2014_x86_64.manylinux_2_17_x86_64"); any one matches it.
    platform: platformTags.split('.')[0] ?? platformTags,
  };
}
