// How a matrix fills a machine. Cells beside each other gain more than threads within one: of a cell's time much is
// compiling, loading and looking at pictures, which one thread does. Measured on two cores with the bundled model: two
// cells of one thread each take two thirds of the time of one after the other with two threads.
import { totalmem } from 'node:os';
import { physicalCores, type DiffusionModel } from '@likeness/core';
import { tensorFlowStatus } from '@likeness/engine';
import { parametersOf } from '../run/estimate.ts';

/** Weights, gradients, AdamW's two moments; float32. */
const BYTES_PER_PARAMETER = 16;
/** TensorFlow, compiling, activations, Node. */
const BYTES_OF_A_PROCESS = 1.6e9;
const SHARE_OF_MEMORY = 0.75;

export interface Machine {
  readonly cores: number;
  readonly memoryBytes: number;
  /** A GPU works off one cell at a time. */
  readonly hasGpu: boolean;
}

export function thisMachine(): Machine {
  const hasGpu = tensorFlowStatus().wantedVariant === 'cuda';
  return { cores: physicalCores(), memoryBytes: totalmem(), hasGpu };
}

/**
 * Threads of a cell where nobody says. They are part of its identity, so the machine and the model alone decide: a
 * further axis, or memory that somebody else takes, must not make other cells.
 */
export function threadsOfCell(
  model: Pick<DiffusionModel, 'noisePredictor' | 'latentCodec' | 'textEncoder'>,
  { cores, memoryBytes, hasGpu }: Machine = thisMachine(),
): number {
  if (hasGpu) return cores;
  const parameters = [model.noisePredictor, model.latentCodec, model.textEncoder]
    .map(parametersOf)
    .reduce((sum, count) => sum + count, 0);
  const bytes = parameters * BYTES_PER_PARAMETER + BYTES_OF_A_PROCESS;
  const beside = Math.min(cores, Math.max(1, Math.floor((memoryBytes * SHARE_OF_MEMORY) / bytes)));
  return Math.max(1, Math.floor(cores / beside));
}

/** Workers where nobody says: as many cells as there are cores for. */
export function workersFor(
  cells: readonly { readonly config: { readonly threads: number } }[],
  { cores, hasGpu }: Machine = thisMachine(),
): number {
  if (hasGpu) return 1;
  const widest = Math.max(1, ...cells.map(({ config }) => config.threads));
  return Math.max(1, Math.min(cells.length, Math.floor(cores / widest)));
}
