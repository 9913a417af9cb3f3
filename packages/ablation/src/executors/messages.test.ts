// What a store or a message says is never followed out of the folders that are ours.
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@likeness/core/testing';
import { describe, expect, it } from 'vitest';
import { openBlobStore } from './blobStore.ts';
import { readAnswer, readFromWorker, readOutcome, readProgress, readTask } from './messages.ts';
import { fetchShared, hasShared, share } from './sharedResults.ts';

const HASH = '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81'; // of the bytes 1, 2, 3
const coded = (code: string): unknown => expect.objectContaining({ code });

describe('a shared folder', () => {
  it.each([
    '../outside.txt',
    'a/../../outside.txt',
    '/tmp/outside.txt',
    'a\\..\\..\\outside.txt',
    'C:outside.txt',
    'a\u0000b',
    '',
    '.',
    'a//b',
    'x'.repeat(300),
  ])('that lists %j writes nothing', async (name) => {
    const root = temporaryFolder();
    const store = await openBlobStore(join(root, 'store'));
    await store.put(`blobs/${HASH.slice(0, 2)}/${HASH}`, Uint8Array.of(1, 2, 3));
    await store.put('cells/one.json', Buffer.from(JSON.stringify({ [name]: HASH })));
    await expect(fetchShared(store, 'one', join(root, 'cells', 'one'))).rejects.toEqual(
      coded('ablation/outside'),
    );
    expect((await readdir(root)).sort()).toEqual(['store']);
  });

  it.each([
    ['no JSON', '{"a":', 'json/damaged'],
    ['a hash that is a path', JSON.stringify({ a: '../../../etc/passwd' }), 'ablation/bad-message'],
    ['a list', '[]', 'ablation/bad-message'],
    ['null', 'null', 'ablation/bad-message'],
  ])('whose list is %s is refused', async (_, text, code) => {
    const root = temporaryFolder();
    const store = await openBlobStore(root);
    await store.put('cells/one.json', Buffer.from(text));
    await expect(fetchShared(store, 'one', join(root, 'here'))).rejects.toEqual(coded(code));
  });

  it('with links to elsewhere is neither read nor written through them', async () => {
    const root = temporaryFolder();
    const [place, elsewhere] = [join(root, 'store'), join(root, 'elsewhere')];
    const store = await openBlobStore(place);
    await mkdir(join(place, 'cells'), { recursive: true });
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'secret.json'), '{}');
    await symlink(join(elsewhere, 'secret.json'), join(place, 'cells', 'one.json'));
    await symlink(elsewhere, join(place, 'blobs'));
    await expect(hasShared(store, 'one')).rejects.toEqual(coded('ablation/outside'));
    await expect(fetchShared(store, 'one', join(root, 'here'))).rejects.toEqual(coded('ablation/outside'));
    await mkdir(join(root, 'made'));
    await writeFile(join(root, 'made', 'a'), 'a');
    await expect(share(store, 'two', join(root, 'made'))).rejects.toEqual(coded('ablation/outside'));
    expect(await readdir(elsewhere)).toEqual(['secret.json']);
    expect(await readFile(join(elsewhere, 'secret.json'), 'utf8')).toBe('{}');
  });

  it('that holds a folder where a file should be says so', async () => {
    const root = temporaryFolder();
    await mkdir(join(root, 'cells', 'one.json'), { recursive: true });
    await expect(hasShared(await openBlobStore(root), 'one')).rejects.toEqual(coded('ablation/outside'));
  });
});

describe('messages', () => {
  const outcome = { measures: { a: 1, b: null }, samples: [], exports: {}, judges: {} };

  it('are read', () => {
    expect(readOutcome(outcome, 'x').measures).toEqual({ a: 1, b: Number.NaN });
    expect(readAnswer({ failure: { reason: 'a\u001b[2Jb\nc', isFinal: true } })).toEqual({
      failure: { reason: 'a [2Jb c', isFinal: true },
    });
    expect(readAnswer({})).toEqual({});
    expect(readProgress({ worker: 'a:1' })).toEqual({ worker: 'a:1' });
    const request = { values: {}, evaluation: {}, reference: [] };
    expect(readTask({ id: HASH, request, parts: {} }).id).toBe(HASH);
  });

  it.each([
    () => readOutcome({ ...outcome, samples: [{ path: '../../x.png', prompt: '', seed: 0 }] }, 'x'),
    () => readOutcome({ ...outcome, measures: { a: 'b' } }, 'x'),
    () => readAnswer({ failure: 'no' }),
    () => readAnswer(null),
    () => readProgress({ worker: 'a', event: { type: 'step', step: 'one' } }),
    () => readFromWorker({ type: 'exec', id: HASH }),
    () => readTask({ id: '../../etc', request: { values: {}, evaluation: {}, reference: [] }, parts: {} }),
    () => readTask({ id: HASH }),
  ])('that are none are refused', (read) => {
    expect(read).toThrow(coded('ablation/bad-message') as Error);
  });
});
