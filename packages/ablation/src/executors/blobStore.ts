// Bytes under keys, for machines that share results: a shared folder, or anything that speaks S3.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError, writeFileWhole } from '@likeness/core';

export interface BlobStore {
  /** As it was named. */
  readonly name: string;
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when there is nothing under the key. */
  get(key: string): Promise<Uint8Array | undefined>;
  close(): void;
}

/**
 * Opens a folder, or `s3://BUCKET/PREFIX` (with `?endpoint=URL&region=NAME` for stores that are not Amazon's).
 * @throws ConfigError for anything else
 */
export async function openBlobStore(name: string): Promise<BlobStore> {
  if (!/^[a-z][a-z0-9+.-]+:\/\//.test(name)) return folderStore(resolve(name), name);
  if (name.startsWith('s3://')) return s3Store(name);
  throw new ConfigError('no such kind of store', {
    code: 'ablation/unknown-store',
    where: `--store ${name}`,
    expected: 'a folder, or s3://BUCKET/PREFIX',
  });
}

function folderStore(root: string, name: string): BlobStore {
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    try {
      return await readFile(join(root, key));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    name,
    has: async (key) => (await get(key)) !== undefined,
    put: (key, bytes) => writeFileWhole(join(root, key), bytes),
    get,
    close: () => undefined,
  };
}

/** Credentials come from where Amazon's tools look for them: environment, profile, role. */
async function s3Store(name: string): Promise<BlobStore> {
  const { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } =
    await import('@aws-sdk/client-s3');
  const url = new URL(name);
  const endpoint = url.searchParams.get('endpoint');
  const client = new S3Client({
    region: url.searchParams.get('region') ?? process.env['AWS_REGION'] ?? 'us-east-1',
    // Stores that are not Amazon's often have no name for each bucket.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
  });
  const Bucket = url.hostname;
  const prefix = url.pathname.replace(/^\/|\/$/g, '');
  const at = (key: string): { Bucket: string; Key: string } => ({
    Bucket,
    Key: prefix === '' ? key : `${prefix}/${key}`,
  });
  return {
    name,
    has: async (key) => {
      try {
        await client.send(new HeadObjectCommand(at(key)));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    put: async (key, bytes) => {
      await client.send(new PutObjectCommand({ ...at(key), Body: bytes }));
    },
    get: async (key) => {
      try {
        const { Body } = await client.send(new GetObjectCommand(at(key)));
        return await Body?.transformToByteArray();
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    close: () => {
      client.destroy();
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name);
}
