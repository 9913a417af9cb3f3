// kohya's files carry hashes of themselves: of the tensors' bytes, and of a piece of the file as its tools would have
// written it before the hashes were in it.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { writeSafetensors, type TensorSource } from '@likeness/core';

/** Where the legacy hash looks: 64 KiB from 1 MiB on. */
const LEGACY_START = 0x100000;
const LEGACY_BYTES = 0x10000;

export interface KohyaHashes {
  /** sha256 of everything after the header, hex: `sshs_model_hash`, and `modelspec.hash_sha256`. */
  readonly model: string;
  /** 8 digits: `sshs_legacy_hash`. */
  readonly legacy: string;
}

/**
 * Writes a file in kohya's way.
 * @param training the `ss_*` metadata, which are part of what is hashed
 * @param specification makes the metadata that are not
 */
export async function writeKohyaFile(
  path: string,
  tensors: readonly TensorSource[],
  training: Readonly<Record<string, string>>,
  specification: (dataHash: string) => Readonly<Record<string, string>>,
): Promise<void> {
  const unhashed = `${path}.unhashed`;
  try {
    await writeSafetensors(unhashed, tensors, training);
    const { model, legacy } = await kohyaHashes(unhashed);
    await writeSafetensors(path, tensors, {
      ...training,
      ...specification(model),
      sshs_model_hash: model,
      sshs_legacy_hash: legacy,
    });
  } finally {
    await rm(unhashed, { force: true });
  }
}

/** The hashes of a file that has no other metadata than `ss_*` (train_util.py: `precalculate_safetensors_hashes`). */
export async function kohyaHashes(path: string): Promise<KohyaHashes> {
  const file = await open(path, 'r');
  const prefix = Buffer.alloc(8);
  await file.read(prefix, 0, 8, 0).finally(() => file.close());
  const dataStart = 8 + Number(prefix.readBigUInt64LE());
  const [model, legacy] = await Promise.all([
    sha256(path, { start: dataStart }),
    sha256(path, { start: LEGACY_START, end: LEGACY_START + LEGACY_BYTES - 1 }),
  ]);
  return { model, legacy: legacy.slice(0, 8) };
}

async function sha256(path: string, range: { start: number; end?: number }): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const chunk of createReadStream(path, range)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
