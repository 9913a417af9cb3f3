// Stage 3: what does not change while training is computed once. Pictures become the mean and standard deviation of
// their latents (drawn anew every step), prompts become hidden states, unless the text encoder trains.
import { join } from 'node:path';
import { createRng, readSafetensorsHeader, readTensor, writeSafetensors } from '@likeness/engine';
import type { Stage } from '../contracts.ts';
import type { Dataset, DatasetItem, PixelVariant } from '../data/dataset.ts';
import { latentShapeOf } from '../sampling/pictureFunctions.ts';
import type { EncodedData, EncodedPart, EncodedPicture, EncodedPrompt } from '../training/batch.ts';
import type { ClassPictures } from './priorGeneration.ts';
import { progressReporter, type RunState } from './run.ts';

/** Random crops and flips are drawn from so many cached variants of a picture. */
const VARIANTS_PER_PICTURE = 4;

export interface Pictures {
  readonly dataset: Dataset;
  readonly classPictures: ClassPictures | undefined;
}

export const encodingStage: Stage<Pictures, EncodedData, RunState> = {
  name: 'encoding',
  async run({ dataset, classPictures }, state) {
    const { config, model, container } = state;
    const prompts: string[] = [];
    const promptRow = (text: string): number => {
      if (!prompts.includes(text)) prompts.push(text);
      return prompts.indexOf(text);
    };
    const instanceRows = dataset.items.map((item) => container.instancePrompts(item).map(promptRow));
    const classRow = container.prior && promptRow(container.prior.classPrompt);
    const total = dataset.items.length + (classPictures?.items.length ?? 0);
    const report = progressReporter(state, 'encoding', 'pictures');
    let done = 0;
    const encodePart = async (
      name: string,
      items: readonly DatasetItem[],
      rows: (i: number) => readonly number[],
    ): Promise<EncodedPart> => {
      const pictures: EncodedPicture[] = [];
      for (const [i, item] of items.entries()) {
        pictures.push({ variants: await encodeVariants(name, i, item, state), prompts: rows(i) });
        report(++done, total);
        state.signal.throwIfAborted();
      }
      return { pictures };
    };
    const instance = await encodePart('instance', dataset.items, (i) => instanceRows[i] ?? []);
    const ofClass = classRow === undefined ? [] : [classRow];
    const prior = classPictures
      ? await encodePart('prior', classPictures.items, () => ofClass)
      : container.prior && shownAsClass(instance, ofClass);
    const encodedPrompts: EncodedPrompt[] = [];
    for (const text of prompts) encodedPrompts.push(await encodeText(text, state));
    return {
      instance,
      ...(prior ? { prior } : {}),
      prompts: encodedPrompts,
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape: latentShapeOf(model, config.resolution),
    };
  },
};

/** The subject's pictures under the class prompt: what the frozen model is asked about. */
const shownAsClass = ({ pictures }: EncodedPart, prompts: readonly number[]): EncodedPart => ({
  pictures: pictures.map((picture) => ({ ...picture, prompts })),
});

/** The picture as it is, or with so many crops and flips. */
function variantsOf(
  name: string,
  index: number,
  { width, height }: DatasetItem,
  { config }: RunState,
): readonly (PixelVariant | undefined)[] {
  // A square picture has no other crop.
  const cropped = !config.centerCrop && width !== height;
  if (!cropped && !config.randomFlip) return [undefined];
  const draws = createRng(config.seed)
    .stream(`${name}.crop`, index, 0)
    .uniform(3 * VARIANTS_PER_PICTURE);
  return Array.from({ length: VARIANTS_PER_PICTURE }, (_, k) => ({
    cropX01: draws[3 * k] ?? 0,
    cropY01: draws[3 * k + 1] ?? 0,
    flip: (draws[3 * k + 2] ?? 0) < 0.5,
  }));
}

async function encodeVariants(
  name: string,
  index: number,
  item: DatasetItem,
  state: RunState,
): Promise<EncodedPicture['variants']> {
  const { config, model, machine, identityOf } = state;
  const identity = identityOf({ encodePicture: 'encodePicture' });
  const encoded: EncodedPicture['variants'][number][] = [];
  for (const variant of variantsOf(name, index, item, state)) {
    const { resolution, centerCrop, randomFlip } = config;
    const parts = {
      model: model.fingerprint,
      picture: item.hash,
      resolution,
      centerCrop,
      randomFlip,
      variant,
      identity,
    };
    const { pixels, mask } = await item.pixels(variant);
    const { mean, std } = await cached(state, 'latents', parts, async () => {
      const { mean: mu, std: sigma } = await machine.program.run('encodePicture', { pixels });
      return { mean: mu as Float32Array, std: sigma as Float32Array };
    });
    const latentMask = mask && shrinkMask(mask, resolution, latentShapeOf(model, resolution)[0]);
    encoded.push({ mean, std, ...(latentMask ? { mask: latentMask } : {}) });
  }
  return encoded;
}

async function encodeText(text: string, state: RunState): Promise<EncodedPrompt> {
  const { model, machine, trainsTextEncoder, identityOf } = state;
  const ids = model.tokenizer.encodePadded(text);
  if (trainsTextEncoder) return { text, ids };
  const identity = identityOf({ encodePrompt: 'encodePrompt' });
  const parts = { model: model.fingerprint, ids: [...ids], identity };
  const { hiddenStates } = await cached(state, 'text-states', parts, async () => {
    const { hiddenStates: states } = await machine.program.run('encodePrompt', { inputIds: ids });
    return { hiddenStates: states as Float32Array };
  });
  return { text, ids, hiddenStates };
}

/** Arrays from the cache, or computed and kept there. */
async function cached<Name extends string>(
  { cache }: RunState,
  kind: string,
  parts: Readonly<Record<string, unknown>>,
  compute: () => Promise<Record<Name, Float32Array>>,
): Promise<Record<Name, Float32Array>> {
  const folder = await cache.getOrCreate(kind, parts, async (target) => {
    const arrays = Object.entries<Float32Array>(await compute());
    await writeSafetensors(
      join(target, 'arrays.safetensors'),
      arrays.map(([name, data]) => ({ name, dtype: 'F32' as const, shape: [data.length], data: () => data })),
    );
  });
  const { tensors } = await readSafetensorsHeader(join(folder, 'arrays.safetensors'));
  const read = [...tensors].map(async ([name, entry]) => [name, await readTensor(entry)] as const);
  return Object.fromEntries(await Promise.all(read)) as Record<Name, Float32Array>;
}

/** Mean of the mask over the pixels of each latent (torch's `interpolate(mode='area')`). */
export function shrinkMask(mask: Float32Array, side: number, latentSide: number): Float32Array {
  const factor = side / latentSide;
  const result = new Float32Array(latentSide * latentSide);
  mask.forEach((value, i) => {
    const row = Math.floor(Math.floor(i / side) / factor);
    const column = Math.floor((i % side) / factor);
    const at = row * latentSide + column;
    result[at] = (result[at] ?? 0) + value / (factor * factor);
  });
  return result;
}
