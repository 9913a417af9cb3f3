// Folders of encoders: what is written opens again, what does not fit is refused with every mismatch and the hint.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor, type EncoderDefinition } from '@likeness/core';
import { afterAll, expect, it } from 'vitest';
import { createEncoder, identifyEncoder } from './createEncoder.ts';
import { loadImageEncoder } from './loadEncoder.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');
const TOKENIZER = join(FIXTURES, 'tiny-sd1/tokenizer');
const folder = await mkdtemp(join(tmpdir(), 'likeness-encoder-'));
afterAll(() => rm(folder, { recursive: true }));

const VIT = {
  ...{ model_type: 'vit', hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, image_size: 16, patch_size: 8 },
};

/** The fixture's DINO with another config. */
async function changed(name: string, fields: object, remove: readonly string[] = []): Promise<string> {
  const to = join(folder, name);
  await cp(join(FIXTURES, 'evaluation/dino'), to, { recursive: true });
  const config = JSON.parse(await readFile(join(to, 'config.json'), 'utf8')) as object;
  await writeFile(join(to, 'config.json'), JSON.stringify({ ...config, ...fields }));
  for (const file of remove) await rm(join(to, file));
  return to;
}

it('opens what it has written: equal seeds, equal weights, of each kind', async () => {
  const definition: EncoderDefinition = {
    config: VIT,
    seed: 3,
    labels: { noun: ['cat', 'dog'], colour: ['red'] },
  };
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  await createEncoder(definition, one);
  await createEncoder({ ...definition, seed: 4 }, other);
  const first = await loadImageEncoder(one);
  expect(first.labels!.columns).toEqual(definition.labels);
  const { tensors } = await readSafetensorsHeader(join(one, 'model.safetensors'));
  expect(tensors.get('classifier.weight')!.shape).toEqual([3, 16]);
  expect(tensors.has('vit.encoder.layer.0.attention.attention.query.weight')).toBe(true);
  const again = join(folder, 'again');
  await createEncoder(definition, again);
  expect((await loadImageEncoder(again)).fingerprint).toBe(first.fingerprint);
  expect((await loadImageEncoder(other)).fingerprint).not.toBe(first.fingerprint);
  expect(await identifyEncoder(definition)).not.toEqual(await identifyEncoder({ ...definition, seed: 4 }));
});

it('writes a smaller tokenizer that reads every text, and the numbers that belong to it', async () => {
  const tower = { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2 };
  const config = {
    ...{ model_type: 'clip', projection_dim: 8 },
    vision_config: { ...tower, image_size: 16, patch_size: 8 },
    text_config: { ...tower, max_position_embeddings: 12 },
  };
  const made = join(folder, 'clip');
  await createEncoder({ config, seed: 0, tokenizer: TOKENIZER, vocabularySize: 700 }, made);
  const { text, tensors } = await loadImageEncoder(made).then(({ text: of, components }) => ({
    text: of!,
    tensors: components[0]!.tensors,
  }));
  expect(tensors.get('text_model.embeddings.token_embedding.weight')!.shape).toEqual([700, 16]);
  expect((await readTensor(tensors.get('logit_scale')!))[0]).toBeCloseTo(Math.log(1 / 0.07), 5);
  const ids = text.tokenizer.encodePadded('a zebra 🦓');
  expect(ids).toHaveLength(12);
  expect([ids[0], ids.at(-1), Math.max(...ids)]).toEqual([698, 699, 699]);
  await expect(
    createEncoder({ config, seed: 0, tokenizer: TOKENIZER, vocabularySize: 300 }, made),
  ).rejects.toThrow(/too few tokens to spell with[^]*at least 514/);
  await expect(createEncoder({ config, seed: 0 }, made)).rejects.toThrow(/a text tower needs a tokenizer/);
  // Another encoder's tokenizer.
  await expect(loadImageEncoder(made, { tokenizerFolder: TOKENIZER })).rejects.toThrow(
    /at most 700 tokens[^]*49408/,
  );
});

it('refuses what it cannot compute, or what does not fit, by name', async () => {
  const refused = async (path: string): Promise<string> =>
    loadImageEncoder(path).then(
      () => 'opened',
      (error: unknown) => String(error),
    );
  expect(await refused(await changed('resnet', { model_type: 'resnet' }))).toMatch(
    /model_type vit, dinov2, dinov2_with_registers or clip[^]*resnet/,
  );
  expect(await refused(await changed('dropout', { hidden_dropout_prob: 0.1, shape_bias: 1 }))).toMatch(
    /hidden_dropout_prob: got 0.1, allowed: 0[^]*shape_bias[^]*no such field/,
  );
  expect(await refused(await changed('deeper', { num_hidden_layers: 4 }))).toMatch(
    /missing: encoder\.layer\.3\.layernorm_before\.weight/,
  );
  expect(await refused(await changed('wider', { hidden_size: 64 }))).toMatch(
    /embeddings\.cls_token is \[1, 1, 32\], config\.json makes it \[1, 1, 64\]/,
  );
  expect(await refused(await changed('bare', {}, ['preprocessor_config.json']))).toMatch(
    /has no such file[^]*preprocessor_config\.json/,
  );
  expect(await refused(join(folder, 'nowhere'))).toMatch(/nowhere: there is no such folder/);
});
