// A server on 127.0.0.1 that answers as the Hub does: revision, file tree, files with ranges.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTensor, WeightsError } from '@likeness/engine';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { chooseHubFiles } from './hubFiles.ts';
import { isHubId, openModel, type HubProgress } from './index.ts';

const TINY = new URL('../../../../fixtures/tiny-sd1', import.meta.url).pathname;
const ID = 'someone/tiny-sd1';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const UNET = 'unet/diffusion_pytorch_model.safetensors';
const LARGE_BYTES = 500_000;

const files = new Map<string, Buffer>();
let server: Server;
let cacheDir: string;
/** What was asked for: `path` or `path bytes=a-b`; probes of one byte are left out. */
let asked: string[];
/** Bytes of the UNet's file after which the connection breaks, for the next answers. */
let breakAfter: number[];
let requiredToken: string | undefined;
let corrupt: boolean;
/** Sent instead of the answer of a path that ends so. */
let instead: { end: string; body: string } | undefined;

beforeAll(async () => {
  for (const path of await readdir(TINY, { recursive: true })) {
    const bytes = await readFile(join(TINY, path)).catch(() => undefined);
    if (bytes !== undefined) files.set(path, bytes);
  }
  for (const extra of [
    'README.md',
    'tiny.ckpt',
    'unet/diffusion_pytorch_model.bin',
    'vae/model.onnx',
    'unet/sub/config.json',
  ]) {
    files.set(extra, Buffer.from('not needed'));
  }
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env['HF_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  delete process.env['HF_ENDPOINT'];
  server.close();
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'likeness-hub-'));
  asked = [];
  breakAfter = [];
  requiredToken = undefined;
  corrupt = false;
  instead = undefined;
  delete process.env['HF_TOKEN'];
});
afterEach(() => rm(cacheDir, { recursive: true }));

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://hub');
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (instead !== undefined && pathname.endsWith(instead.end)) return void response.end(instead.body);
  if (requiredToken !== undefined && request.headers.authorization !== `Bearer ${requiredToken}`) {
    return json(401, { error: 'Invalid credentials' });
  }
  if (pathname === `/api/models/${ID}/revision/main`) return json(200, { _id: '1', id: ID, sha: COMMIT });
  if (pathname === `/api/models/${ID}/tree/${COMMIT}`) return json(200, [...files].map(treeEntry));
  const path = pathname.slice(`/${ID}/resolve/${COMMIT}/`.length);
  const content = pathname.startsWith(`/${ID}/resolve/`) ? files.get(path) : undefined;
  if (content === undefined) return json(404, { error: 'Repository not found' });
  sendFile(path, content, request.headers.range, response);
}

function treeEntry([path, content]: [string, Buffer]): object {
  const oid = createHash('sha1').update(content).digest('hex');
  if (content.length < LARGE_BYTES) return { type: 'file', path, size: content.length, oid };
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    type: 'file',
    path,
    size: content.length,
    oid,
    lfs: { oid: sha256, size: content.length, pointerSize: 130 },
  };
}

function sendFile(path: string, content: Buffer, range: string | undefined, response: ServerResponse): void {
  const [, from = '0', to = String(content.length - 1)] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? [];
  let body = content.subarray(Number(from), Number(to) + 1);
  response.writeHead(range === undefined ? 200 : 206, {
    etag: '"x"',
    'content-length': body.length,
    ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${content.length}` }),
  });
  if (range === 'bytes=0-0') return void response.end(body);
  asked.push(range === undefined ? path : `${path} ${range}`);
  if (path !== UNET) return void response.end(body);
  if (corrupt) body = Buffer.alloc(body.length);
  const cut = breakAfter.shift();
  if (cut === undefined) return void response.end(body);
  response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

test('only what is needed, once, into the cache that other tools share', async () => {
  const progress: HubProgress[] = [];
  const model = await openModel(ID, { cacheDir, onProgress: (step) => progress.push(step) });
  expect(model.source).toBe(ID);
  const entry = model.components.vae.tensors.get('encoder.conv_in.bias');
  expect(entry && (await readTensor(entry))).toHaveLength(32);
  const needed = [...files.keys()].filter((path) =>
    /^(model_index.json|(unet|vae|text_encoder|scheduler|tokenizer)\/[^/]*(json|txt|safetensors))$/.test(
      path,
    ),
  );
  expect([...asked].sort()).toEqual(needed.sort());

  const total = needed.reduce((sum, path) => sum + (files.get(path)?.length ?? 0), 0);
  expect(progress.at(-1)).toMatchObject({ doneBytes: total, totalBytes: total });
  expect(progress.every((step, i) => step.doneBytes >= (progress[i - 1]?.doneBytes ?? 0))).toBe(true);

  const storage = join(cacheDir, 'models--someone--tiny-sd1');
  expect(await readFile(join(storage, 'refs', 'main'), 'utf8')).toBe(COMMIT);
  const sha256 = createHash('sha256')
    .update(files.get(UNET) ?? '')
    .digest('hex');
  expect(await readlink(join(storage, 'snapshots', COMMIT, UNET))).toBe(
    join('..', '..', '..', 'blobs', sha256),
  );

  asked = [];
  await openModel(ID, { cacheDir });
  expect(asked).toEqual([]);
  const endpoint = process.env['HF_ENDPOINT'];
  process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
  expect((await openModel(ID, { cacheDir, offline: true })).components.unet.tensors.size).toBe(208);
  process.env['HF_ENDPOINT'] = endpoint;
});

test('a connection that breaks goes on where it broke', async () => {
  breakAfter = [1_000_000, 700_000];
  const model = await openModel(ID, { cacheDir });
  const requests = asked.filter((request) => request.startsWith(UNET));
  expect(requests).toHaveLength(3);
  expect(requests[0]).toBe(UNET);
  const starts = requests.slice(1).map((request) => Number(/bytes=(\d+)-/.exec(request)?.[1]));
  // what was on its way when it broke may be lost
  expect(starts[0]).toBeGreaterThan(0);
  expect(starts[1]).toBeGreaterThan(starts[0] ?? Infinity);
  expect((await readFile(join(model.folder ?? '', UNET))).equals(files.get(UNET) ?? Buffer.alloc(0))).toBe(
    true,
  );
});

test('an interrupted download is continued by the next run', async () => {
  const stop = new AbortController();
  const onProgress = ({ file, doneBytes }: HubProgress): void => {
    if (file === UNET && doneBytes > 2_000_000) stop.abort(new Error('interrupted'));
  };
  breakAfter = [1_500_000];
  await expect(openModel(ID, { cacheDir, signal: stop.signal, onProgress })).rejects.toThrow('interrupted');
  // nothing that is incomplete has a name a reader would use
  await expect(openModel(ID, { cacheDir, offline: true })).rejects.toThrow(/not in the cache/);
  asked = [];
  await openModel(ID, { cacheDir });
  const [request] = asked.filter((path) => path.startsWith(UNET));
  expect(request).toMatch(/ bytes=[1-9]/);
  expect(asked).not.toContain('model_index.json');
});

test('damaged bytes are not kept', async () => {
  corrupt = true;
  await expect(openModel(ID, { cacheDir })).rejects.toThrow(/damaged and was removed[^]*sha256/);
  corrupt = false;
  const model = await openModel(ID, { cacheDir });
  expect((await readFile(join(model.folder ?? '', UNET))).equals(files.get(UNET) ?? Buffer.alloc(0))).toBe(
    true,
  );
});

test('HF_TOKEN is sent; without it the hint is told', async () => {
  requiredToken = 'hf_secret';
  await expect(openModel(ID, { cacheDir })).rejects.toThrow(/does not let you read[^]*HF_TOKEN/);
  process.env['HF_TOKEN'] = 'hf_secret';
  await openModel(ID, { cacheDir });
});

test('models that are not there, and a Hub that is not', async () => {
  await expect(openModel('someone/else', { cacheDir })).rejects.toThrow(/no such model or revision/);
  await expect(openModel(ID, { cacheDir, revision: 'v9' })).rejects.toThrow(/no such model or revision/);
  await expect(openModel(ID, { cacheDir, offline: true })).rejects.toMatchObject({
    code: 'hub/not-in-cache',
    hint: expect.stringContaining('HF_HUB_OFFLINE') as string,
  });
  await expect(openModel(ID, { cacheDir, revision: '../../x' })).rejects.toMatchObject({
    code: 'hub/not-found',
  });
  const endpoint = process.env['HF_ENDPOINT'];
  process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
  const error: unknown = await openModel(ID, { cacheDir }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WeightsError);
  expect((error as WeightsError).message).toMatch(/could not be reached[^]*fetch failed[^]*HF_ENDPOINT/);
  process.env['HF_ENDPOINT'] = endpoint;
});

test('Hub ids', () => {
  expect(['a/b', 'stable-diffusion-v1-5/stable-diffusion-v1-5', 'x.y/z_1'].every(isHubId)).toBe(true);
  expect(['a', './a', '../b', '/a/b', 'a/b/c', 'a/..', 'C:\\a'].some(isHubId)).toBe(false);
});

test('files chosen: shards with their index, the variant, pickles never', () => {
  const base = [
    'model_index.json',
    'scheduler/scheduler_config.json',
    'tokenizer/vocab.json',
    'vae/config.json',
    'text_encoder/config.json',
    'unet/config.json',
  ];
  const shards = [
    'unet/diffusion_pytorch_model-00001-of-00002.safetensors',
    'unet/diffusion_pytorch_model-00002-of-00002.safetensors',
  ];
  const rest = [
    'vae/diffusion_pytorch_model.safetensors',
    'vae/diffusion_pytorch_model.fp16.safetensors',
    'text_encoder/model.safetensors',
    'text_encoder/pytorch_model.bin',
  ];
  const index = 'unet/diffusion_pytorch_model.safetensors.index.json';
  const chosen = chooseHubFiles('x/y', [...base, ...shards, index, ...rest], 'fp16');
  expect(chosen.sort()).toEqual(
    [
      ...base,
      ...shards,
      index,
      'vae/diffusion_pytorch_model.fp16.safetensors',
      'text_encoder/model.safetensors',
    ].sort(),
  );
  expect(() => chooseHubFiles('x/y', [...base, 'unet/diffusion_pytorch_model.bin'])).toThrow(
    /unet: no safetensors \(only pickles[^]*vae: no safetensors \(none\)[^]*text_encoder: no safetensors/,
  );
  expect(() => chooseHubFiles('x/y', ['a.safetensors'])).toThrow(/not a diffusers model[^]*a\.safetensors/);
});

test('an answer that makes no sense is told as such, and nothing is written outside the cache', async () => {
  const tree = [...files].map(treeEntry);
  const withUnet = (fields: object): string =>
    JSON.stringify(
      tree.map((entry) => ('path' in entry && entry.path === UNET ? { ...entry, ...fields } : entry)),
    );
  const commit = { end: '/revision/main' };
  const listing = { end: `/tree/${COMMIT}` };
  const damaged = [
    { ...commit, body: '<html>log in here</html>' },
    { ...commit, body: '{"sha": "../../../outside"}' },
    { ...commit, body: '{}' },
    { ...listing, body: '{"error": "no"}' },
    { ...listing, body: '[{"type": "file"}]' },
    { ...listing, body: withUnet({ size: -1 }) },
    { ...listing, body: withUnet({ oid: '../../../../outside', lfs: null }) },
    { ...listing, body: withUnet({ lfs: { oid: '../../../../outside', size: 3, pointerSize: 3 } }) },
  ];
  for (const answer of damaged) {
    instead = answer;
    await expect(openModel(ID, { cacheDir }), answer.body.slice(0, 60)).rejects.toMatchObject({
      code: 'hub/damaged-answer',
    });
  }
  // a file by a name that leads elsewhere is none of the model's
  instead = { ...listing, body: withUnet({ path: `${UNET}/../../../../../outside.safetensors` }) };
  await expect(openModel(ID, { cacheDir })).rejects.toMatchObject({ code: 'hub/no-model' });
  // longer than announced: never more than that is written
  instead = { ...listing, body: withUnet({ lfs: null, size: 100_000 }) };
  await expect(openModel(ID, { cacheDir })).rejects.toMatchObject({ code: 'hub/damaged-download' });
  instead = undefined;
  expect((await readdir(join(cacheDir, '..'))).filter((name) => name.includes('outside'))).toEqual([]);
  expect(await readdir(cacheDir)).toEqual(['models--someone--tiny-sd1']);
});

test('HF_HUB_OFFLINE keeps to the cache', async () => {
  process.env['HF_HUB_OFFLINE'] = '1';
  try {
    await expect(openModel(ID, { cacheDir })).rejects.toMatchObject({ code: 'hub/not-in-cache' });
  } finally {
    delete process.env['HF_HUB_OFFLINE'];
  }
  expect(asked).toEqual([]);
});
