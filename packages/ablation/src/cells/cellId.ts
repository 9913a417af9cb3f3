// The identity of a cell: a hash over its resolved settings and whatever else can change a bit of its result.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  cacheKey,
  findPictures,
  readTextFile,
  portableConfig,
  type DiffusionModel,
  type ResolvedConfig,
  type Warning,
} from '@likeness/core';
import type { CellRequest, PreparedCell } from './cellWork.ts';

/** How a machine computes: settings cannot say it. */
export interface MachineFacts {
  readonly tensorflow: string;
  /** `cpu` or `cuda`. */
  readonly device: string;
}

/** What says where pictures lie; their hashes say which they are. */
const PLACES: readonly string[] = ['subject', 'instanceDataDir'];
/** How often a run is saved or looked at changes no result. */
const WITHOUT_EFFECT: readonly string[] = ['checkpointingSteps', 'checkpointsTotalLimit', 'sampleEverySteps'];
/** Raised when results of older cells may no longer be taken for those of equal settings. */
const EDITION = 1;

/**
 * Names a cell by its content.
 * @param config resolved; threads are part of the identity, so the number of workers never changes a result
 */
export async function prepareCell(
  request: CellRequest,
  config: ResolvedConfig,
  {
    model,
    machine,
    warnings = [],
    uses = {},
    evaluation = {},
  }: {
    readonly model: Pick<DiffusionModel, 'fingerprint'>;
    readonly machine: MachineFacts;
    readonly warnings?: readonly Warning[];
    readonly uses?: PreparedCell['uses'];
    /** What identifies the evaluation beyond its settings: judges' weights. */
    readonly evaluation?: Readonly<Record<string, unknown>>;
  },
): Promise<PreparedCell> {
  const settings = Object.entries(portableConfig(config)).filter(
    ([key]) => !PLACES.includes(key) && !WITHOUT_EFFECT.includes(key),
  );
  const parts = {
    edition: EDITION,
    config: { ...Object.fromEntries(settings), threads: config.threads },
    model: model.fingerprint,
    pictures: await hashesOf(config.instanceDataDir),
    machine,
    evaluation: { ...evaluation, ...request.evaluation },
    reference: await hashesOf(request.reference),
  };
  return { id: cellId(parts), config, request, parts, warnings, uses };
}

export function cellId(parts: PreparedCell['parts']): string {
  return cacheKey(parts);
}

/** sha256 of every picture with its mask and caption, in their order. */
async function hashesOf(source: string | readonly string[]): Promise<string[]> {
  const { files } = await findPictures(source, '.mask.png');
  const hashes: string[] = [];
  for (const { path, maskPath, captionPath } of files) {
    const hash = createHash('sha256');
    for (const file of [path, ...(maskPath === undefined ? [] : [maskPath])])
      for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    const caption = captionPath === undefined ? '' : (await readTextFile(captionPath)).trim();
    hashes.push(hash.update(`\n${caption}`).digest('hex'));
  }
  return hashes;
}
