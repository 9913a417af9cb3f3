// Files of learned vectors against a folder of reference numbers: prompts written out, their ids, and what the text
// encoder says of them once the file is loaded.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  baseWeights,
  encodePrompt,
  expandPlaceholder,
  placeholderTokens,
  type DiffusionModel,
} from '@likeness/core';
import { compile, type Program } from '@likeness/engine';
import { attachEmbedding } from '@likeness/plugin-textual-inversion';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture } from './fixtureFile.ts';
import type { ParityRuntime } from './parityModel.ts';

const description = z.object({
  files: z.record(
    z.string(),
    z.object({
      tokens: z.array(z.string()).min(1),
      token_ids: z.array(z.int()),
      prompts: z.array(z.object({ prompt: z.string(), converted: z.string(), ids: z.array(z.int()) })),
    }),
  ),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
});
type Described = z.infer<typeof description>['files'][string];

const EXACT: Tolerance = { atol: 0, rtol: 0 };

/**
 * All comparisons of `ti-files`.
 * @param modelFolder the diffusers folder the files are loaded into
 */
export async function* checkEmbeddingFiles(
  folder: string,
  modelFolder: string,
  { engine, mode }: ParityRuntime,
): AsyncIterable<Comparison> {
  const { files, tolerance } = description.parse(
    JSON.parse(await readFile(join(folder, 'ti-files.json'), 'utf8')),
  );
  const outputsPath = join(folder, 'outputs.safetensors');
  const outputs = await readFixture(outputsPath);
  const model = await loadModel(modelFolder);
  for (const [file, described] of Object.entries(files)) {
    const [word = ''] = described.tokens;
    const { vectors, initialValues, detach } = await attachEmbedding(model, join(folder, file), { word });
    const tokens = placeholderTokens(word, vectors);
    yield sameText(`${file}.tokens`, tokens.join(' '), described.tokens.join(' '));
    yield compareArrays(`${file}.token_ids`, model.tokenizer.encode(word), described.token_ids, EXACT);
    const program = await compile({ encodePrompt: encodePrompt(model) }, { engine, mode });
    await program.load(baseWeights(model, program));
    await program.write(initialValues);
    yield* comparePrompts(file, described, model, program, tolerance, (i) => {
      return fixtureTensor(outputs, `${file}.text${i}`, outputsPath).data;
    });
    await program.dispose();
    detach();
  }
}

async function* comparePrompts(
  file: string,
  { tokens, prompts }: Described,
  { tokenizer }: DiffusionModel,
  program: Program,
  tolerance: Tolerance,
  wantedStates: (index: number) => ArrayLike<number>,
): AsyncIterable<Comparison> {
  for (const [i, { prompt, converted, ids }] of prompts.entries()) {
    yield sameText(`${file}.prompt${i}`, expandPlaceholder(prompt, tokens), converted);
    const inputIds = tokenizer.encodePadded(prompt);
    yield compareArrays(`${file}.ids${i}`, inputIds.subarray(0, ids.length), ids, EXACT);
    const { hiddenStates = [] } = await program.run('encodePrompt', { inputIds });
    yield compareArrays(`${file}.text${i}`, hiddenStates, wantedStates(i), tolerance);
  }
}

/** Texts as code points, so that one is a line of the report like any number. */
function sameText(name: string, got: string, want: string): Comparison {
  const points = (text: string): number[] => Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  return compareArrays(name, points(got), points(want), EXACT);
}
