import { expect, test } from 'vitest';
import type { Warning } from '../errors.ts';
import { pictureCheck, requireNumbers } from './checkPictures.ts';
import { longPrompts } from './longPrompts.ts';

const picture = (...data: number[]) => ({ width: data.length / 3, height: 1, data: Uint8Array.from(data) });

test('NaN in a picture is an error of the model', () => {
  requireNumbers(Float32Array.of(0, 1), 'doodle');
  expect(() => {
    requireNumbers(Float32Array.of(NaN, 1), 'doodle');
  }).toThrow(/^doodle: the model draws no numbers\n(.*\n)*.*NaN or infinity in 50 %/);
});

test('the same picture for other seeds, and one of one colour, are told once', () => {
  const told: Warning[] = [];
  const check = pictureCheck((warning) => told.push(warning));
  check(picture(1, 2, 3, 4, 5, 6), 0);
  check(picture(1, 2, 3, 4, 5, 6), 0);
  check(picture(9, 2, 3, 4, 5, 6), 1);
  expect(told).toEqual([]);
  check(picture(1, 2, 3, 4, 5, 6), 2);
  check(picture(0, 0, 0, 0, 0, 0), 3);
  check(picture(0, 0, 0, 0, 0, 0), 4);
  expect(told.map(({ code }) => code)).toEqual(['model/same-pictures', 'model/one-colour']);
});

test('long prompts and negative prompts are told, each once; weights are no text', () => {
  const tokenizer = {
    modelMaxLength: 6,
    encode: (text: string) =>
      text
        .split(/\s+/)
        .filter(Boolean)
        .map((_, i) => i),
  };
  const settings = { sampler: 'ddim', numInferenceSteps: 2, guidanceScale: 2 };
  const asked = [{ prompt: 'a b c d e' }, { prompt: 'a b c d e' }, { prompt: 'a' }];
  expect(
    longPrompts(tokenizer, { ...settings, negativePrompt: 'f g h i j' }, asked).map(({ text }) => text),
  ).toEqual([
    expect.stringMatching(/^a prompt is too long: "a b c d e" has 5 tokens, the model reads 4/),
    expect.stringMatching(/^the negative prompt is too long/),
  ]);
  const weighted = [{ prompt: '( a b ) c d' }];
  expect(longPrompts(tokenizer, settings, weighted)).toHaveLength(1);
  expect(longPrompts(tokenizer, { ...settings, promptWeighting: true }, weighted)).toEqual([]);
});
