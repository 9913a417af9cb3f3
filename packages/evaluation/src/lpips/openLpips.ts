// LPIPS as a judge: reads its files, compiles itself for a size of pictures when it is first asked, and answers pairs.
import {
  DataError,
  defaultThreads,
  imageToPixels,
  Parameters,
  startMachine,
  traceShapes,
  WeightsError,
  type Machine,
  type Mode,
  type RgbImage,
} from '@likeness/core';
import type { DistanceJudge } from '../judge.ts';
import { inBatches, joined, rowsOf } from '../judges/batches.ts';
import { lpipsDepths, lpipsFunction, type LpipsNetwork } from './lpips.ts';
import { readLpipsFiles, type LpipsFiles } from './lpipsFiles.ts';
import type { TrunkName } from './trunks.ts';

export interface OpenLpipsOptions {
  readonly trunk?: TrunkName;
  /** Pairs computed together; part of what decides last bits. Default 4. */
  readonly batchSize?: number;
  readonly mode?: Mode;
  readonly threads?: number;
}

/** Distances and what each depth contributes. */
export interface LpipsJudge extends DistanceJudge {
  readonly trunk: TrunkName;
  /** `[H, W, 3]` in [-1, 1] each. @returns one row of contributions a pair */
  contributions(
    pairs: readonly (readonly [Float32Array, Float32Array])[],
    size: { readonly height: number; readonly width: number },
  ): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/**
 * Opens LPIPS from a `.safetensors` file or a folder of them. TensorFlow starts with the first pair.
 * @throws WeightsError when weights are missing or of another shape than the trunk's
 */
export async function openLpips(path: string, options: OpenLpipsOptions = {}): Promise<LpipsJudge> {
  const { batchSize = 4, mode = 'graph', threads = defaultThreads() } = options;
  const files = await readLpipsFiles(path, options.trunk);
  const network = declare(files, path);
  const depths = lpipsDepths(files.trunk);
  const machines = new Map<string, Promise<Machine>>();

  const machineFor = (height: number, width: number): Promise<Machine> => {
    const key = `${height}x${width}`;
    const known = machines.get(key);
    if (known) return known;
    const started = startMachine(
      {
        model: { components: [{ name: 'lpips', parameters: network.parameters, tensors: files.tensors }] },
        threads,
        mode,
        precision: 'fp32',
        gradientCheckpointing: false,
      },
      { lpips: { definition: lpipsFunction(network, { batch: batchSize, height, width }), expectedRuns: 0 } },
    );
    machines.set(key, started);
    return started;
  };

  const contributions: LpipsJudge['contributions'] = async (pairs, { height, width }) => {
    const { program } = await machineFor(height, width);
    return inBatches(pairs, batchSize, async (batch) => {
      const side = (which: 0 | 1): Float32Array => joined(batch.map((pair) => pair[which]));
      const { layers } = await program.run('lpips', { a: side(0), b: side(1) });
      return rowsOf(layers as Float32Array, depths);
    });
  };

  return {
    name: `LPIPS ${files.trunk}`,
    fingerprint: files.fingerprint,
    trunk: files.trunk,
    contributions,
    distances: async (pairs) => {
      const [first] = pairs;
      if (first === undefined) return [];
      const { width, height } = first[0];
      requireOneSize(pairs.flat(), width, height);
      const rows = await contributions(
        pairs.map(([a, b]) => [imageToPixels(a), imageToPixels(b)] as const),
        { height, width },
      );
      return rows.map((row) => row.reduce((sum, part) => sum + part, 0));
    },
    close: async () => {
      for (const machine of machines.values()) await (await machine).close();
      machines.clear();
    },
  };
}

/** Declares all parameters by tracing once, and holds them against the files. */
function declare({ trunk, tensors }: LpipsFiles, where: string): LpipsNetwork {
  const parameters = new Parameters({ component: `lpips.${trunk}` });
  const missing: string[] = [];
  const channelsOf = (key: string): number => {
    const channels = tensors.get(key)?.shape[0];
    if (channels === undefined) missing.push(key);
    return channels ?? 1;
  };
  const network: LpipsNetwork = { trunk, parameters, channelsOf };
  traceShapes(lpipsFunction(network, { batch: 1, height: 64, width: 64 }));
  const wrong = [...parameters.entries().values()].flatMap(({ key, shape }) => {
    const got = tensors.get(key)?.shape;
    if (got?.join() === shape.join()) return [];
    return [`${key}: expected [${shape.join()}], got ${got ? `[${got.join()}]` : 'nothing'}`];
  });
  if (missing.length > 0 || wrong.length > 0) {
    throw new WeightsError(`these are not the weights of LPIPS ${trunk}`, {
      code: 'evaluation/no-lpips-weights',
      where,
      details: wrong,
    });
  }
  return network;
}

function requireOneSize(pictures: readonly RgbImage[], width: number, height: number): void {
  const other = pictures.find((picture) => picture.width !== width || picture.height !== height);
  if (other === undefined) return;
  throw new DataError('LPIPS compares pictures of one size', {
    code: 'evaluation/picture-size',
    expected: `${width} x ${height}`,
    got: `${other.width} x ${other.height}`,
  });
}
