// Models by Hub id: the needed files of one commit, in the cache that huggingface_hub (Python) uses, too, so a model
// somebody has already is not downloaded again. Interrupted downloads go on where they stopped.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  copyFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { downloadFile, getHFHubCachePath, HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { isFileSystemError, LikenessError, WeightsError } from '@likeness/engine';
import { checkRevision, commitOf, isPathBelow, remoteFiles, type RemoteFile } from './hubAnswers.ts';
import { explainHubError } from './hubErrors.ts';
import { chooseHubFiles } from './hubFiles.ts';

export interface HubProgress {
  /** The file being downloaded, as in the repository. */
  readonly file: string;
  /** Bytes there, over all files, those from earlier runs included. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface HubOptions {
  /** Branch, tag or commit; `main` by default. */
  readonly revision?: string | undefined;
  /** `fp16` to prefer files of that variant. */
  readonly variant?: string | undefined;
  /** Use what is in the cache, never the network; by default as HF_HUB_OFFLINE says. */
  readonly offline?: boolean | undefined;
  /** The Hub cache; by default HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((progress: HubProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Attempts in a row that brought not one byte before giving up. */
const FRUITLESS_ATTEMPTS = 4;

/** Whether a name can be a Hub id: `owner/name`. */
export function isHubId(name: string): boolean {
  return /^[\w.-]+\/[\w.-]+$/.test(name) && !/(^|\/)\.{1,2}($|\/)/.test(name);
}

/**
 * Brings the files of a model into the cache. Honours HF_TOKEN and HF_ENDPOINT.
 * @returns the folder of the commit: a diffusers folder
 * @throws WeightsError when the model is not there, may not be read, or the network fails for good
 */
export async function downloadHubModel(id: string, options: HubOptions = {}): Promise<string> {
  const { revision = 'main', variant } = options;
  const storage = join(options.cacheDir ?? getHFHubCachePath(), `models--${id.replace('/', '--')}`);
  checkRevision(revision, id);
  if (options.offline ?? isOffline()) return cachedSnapshot(id, storage, revision);

  const request = requestOptions(options.signal);
  try {
    const repository = `${id} (${revision})`;
    const sha = commitOf(
      await modelInfo({ ...request, name: id, revision, additionalFields: ['sha'] }),
      repository,
    );
    const files = await remoteFiles(
      listFiles({ ...request, repo: id, revision: sha, recursive: true }),
      repository,
    );
    const needed = new Set(
      chooseHubFiles(
        repository,
        files.map(({ path }) => path),
        variant,
      ),
    );
    const snapshot = join(storage, 'snapshots', sha);
    await downloadAll(
      id,
      files.filter(({ path }) => needed.has(path)),
      { storage, snapshot, sha },
      options,
    );
    // written last: a revision that has a name in the cache is complete
    if (sha !== revision) await writeRef(join(storage, 'refs', revision), sha);
    return snapshot;
  } catch (error) {
    throw explainHubError(error, id, revision, options.signal);
  }
}

async function downloadAll(
  id: string,
  files: readonly RemoteFile[],
  { storage, snapshot, sha }: { storage: string; snapshot: string; sha: string },
  { onProgress, signal }: HubOptions,
): Promise<void> {
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let doneBytes = 0;
  for (const file of files) {
    const report = (bytes: number): void =>
      onProgress?.({ file: file.path, doneBytes: doneBytes + bytes, totalBytes });
    const pointer = join(snapshot, ...file.path.split('/'));
    if (!(await exists(pointer))) {
      const blob = join(storage, 'blobs', file.etag);
      await mkdir(dirname(blob), { recursive: true });
      if (!(await exists(blob))) await downloadBlob(id, file, blob, sha, report, signal);
      await mkdir(dirname(pointer), { recursive: true });
      await link(blob, pointer);
    }
    doneBytes += file.size;
    report(0);
  }
}

async function downloadBlob(
  id: string,
  file: RemoteFile,
  blob: string,
  revision: string,
  report: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const partial = `${blob}.incomplete`;
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(partial);
    if (before >= file.size) break;
    try {
      await continueDownload(id, file, partial, before, revision, report, signal);
    } catch (error) {
      // an answer of the Hub (401, 404, ...) will not change by asking again; a broken connection may
      if (
        error instanceof HubApiError ||
        error instanceof LikenessError ||
        signal?.aborted ||
        isFileSystemError(error)
      )
        throw error;
      fruitless = (await sizeOf(partial)) > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_ATTEMPTS) throw error;
      await delay(250 * 2 ** fruitless, undefined, signal === undefined ? {} : { signal });
    }
  }
  if (file.size === 0) await writeFile(partial, '');
  await verify(file, partial);
  await rename(partial, blob);
}

/** Asks for the bytes from `from` on and writes them to their places, so that two runs at once do each other no harm. */
async function continueDownload(
  id: string,
  file: RemoteFile,
  partial: string,
  from: number,
  revision: string,
  report: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const whole = await downloadFile({ ...requestOptions(signal), repo: id, path: file.path, revision });
  if (whole === null)
    throw new WeightsError('the file is gone from the repository', {
      code: 'hub/not-found',
      where: `${id}: ${file.path}`,
    });
  const rest = from === 0 ? whole : whole.slice(from);
  const handle = await open(partial, from === 0 ? 'w' : 'r+');
  try {
    let position = from;
    // Node's streams are iterable; the DOM's type of them does not say so
    for await (const chunk of rest.stream() as unknown as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      await handle.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      // a file longer than the listing said is no file of it: `verify` says so
      if (position > file.size) break;
      report(position);
    }
    if (position < file.size) throw new Error(`the connection ended ${file.size - position} bytes early`);
  } finally {
    await handle.close();
  }
}

async function verify(file: RemoteFile, partial: string): Promise<void> {
  const size = await sizeOf(partial);
  let sha256: string | undefined;
  if (file.sha256 !== undefined) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(partial), hash);
    sha256 = hash.digest('hex');
  }
  if (size === file.size && sha256 === file.sha256) return;
  await rm(partial, { force: true });
  throw new WeightsError('the download is damaged and was removed', {
    code: 'hub/damaged-download',
    where: file.path,
    expected: `${file.size} bytes${file.sha256 === undefined ? '' : `, sha256 ${file.sha256}`}`,
    got: `${size} bytes${sha256 === undefined ? '' : `, sha256 ${sha256}`}`,
    hint: 'Run the command again.',
  });
}

async function cachedSnapshot(id: string, storage: string, revision: string): Promise<string> {
  const named = (await readFile(join(storage, 'refs', revision), 'utf8').catch(() => revision)).trim();
  const snapshot = join(storage, 'snapshots', named);
  if (isPathBelow(named) && (await exists(join(snapshot, 'model_index.json')))) return snapshot;
  throw new WeightsError('the model is not in the cache', {
    code: 'hub/not-in-cache',
    where: `${id} (${revision})`,
    expected: snapshot,
    hint: 'Run once with a connection and without HF_HUB_OFFLINE, or copy the model here and give its folder.',
  });
}

/** As huggingface_hub reads it. */
function isOffline(): boolean {
  return /^(1|true|yes|on)$/i.test(process.env['HF_HUB_OFFLINE'] ?? '');
}

function requestOptions(signal: AbortSignal | undefined): {
  fetch: typeof fetch;
  hubUrl?: string;
  accessToken?: string;
} {
  const hubUrl = process.env['HF_ENDPOINT']?.replace(/\/+$/, '');
  const accessToken = process.env['HF_TOKEN'];
  return {
    fetch: (input, init) => fetch(input, signal === undefined ? init : { ...init, signal }),
    ...(hubUrl ? { hubUrl } : {}),
    ...(accessToken ? { accessToken } : {}),
  };
}

async function link(blob: string, pointer: string): Promise<void> {
  await rm(pointer, { force: true });
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch {
    // file systems without links
    await copyFile(blob, pointer);
  }
}

async function writeRef(path: string, sha: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.tmp`, sha);
  await rename(`${path}.tmp`, path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
