// Bytes under keys, for machines that share results: a shared folder, or anything that speaks S3.
import { resolve } from 'node:path';
import { ConfigError, DataError, LikenessError } from '@likeness/core';
import { folderStore, LARGEST_BLOB_BYTES, tooLarge } from './folderStore.ts';

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

/** Credentials come from where Amazon's tools look for them: environment, profile, role. */
async function s3Store(name: string): Promise<BlobStore> {
  const { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } =
    await import('@aws-sdk/client-s3');
  const url = addressOf(name);
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
  const refused = (error: unknown): unknown =>
    error instanceof LikenessError
      ? error
      : new DataError('the store of results does not do what it was asked', {
          code: 'ablation/store-refused',
          where: name,
          got: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
          hint: 'check its address, its bucket and your credentials',
          cause: error,
        });
  return {
    name,
    has: async (key) => {
      try {
        await client.send(new HeadObjectCommand(at(key)));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw refused(error);
      }
    },
    put: async (key, bytes) => {
      await client.send(new PutObjectCommand({ ...at(key), Body: bytes })).catch((error: unknown) => {
        throw refused(error);
      });
    },
    get: async (key) => {
      try {
        const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand(at(key)));
        if (ContentLength > LARGEST_BLOB_BYTES) throw tooLarge(`${name}: ${key}`, ContentLength);
        return await Body?.transformToByteArray();
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw refused(error);
      }
    },
    close: () => {
      client.destroy();
    },
  };
}

function addressOf(name: string): URL {
  try {
    return new URL(name);
  } catch (cause) {
    throw new ConfigError('this is no address of a store', {
      code: 'ablation/unknown-store',
      where: `--store ${name}`,
      expected: 's3://BUCKET/PREFIX',
      cause,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name);
}
