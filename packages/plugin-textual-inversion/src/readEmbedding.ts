// Files with learned vectors, in the dialects that come as safetensors: diffusers (one key, the word), and `emb_params`
// of A1111, kohya, ai-toolkit and OneTrainer. See docs/methods/textual-inversion.md.
import { basename, extname } from 'node:path';
import { readSafetensorsHeader, readTensor, WeightsError, type TensorEntry } from '@likeness/core';

export interface LearnedEmbedding {
  /** The word that stands for it in prompts. */
  readonly word: string;
  readonly vectors: number;
  readonly width: number;
  /** `[vectors, width]`, flat. */
  readonly values: Float32Array;
  /** As it stands in the file: one vector may lie as `[width]`. */
  readonly shape: readonly number[];
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where `writeEmbedding` keeps the word of a file whose key does not say it. */
export const WORD_KEY = 'placeholder_token';

export interface ReadEmbeddingOptions {
  /** The word to use; default: the file's key, or its name where the key says nothing. */
  readonly word?: string;
}

const PICKLES = ['.pt', '.pth', '.bin', '.ckpt'];

/**
 * Reads a file of learned vectors.
 * @throws WeightsError for pickles, SDXL's pairs and files that hold something else, with the reason and what to do
 */
export async function readEmbedding(
  path: string,
  { word }: ReadEmbeddingOptions = {},
): Promise<LearnedEmbedding> {
  const extension = extname(path).toLowerCase();
  if (PICKLES.includes(extension)) throw pickleError(path);
  const { tensors, metadata } = await readSafetensorsHeader(path);
  if (tensors.has('clip_l') && tensors.has('clip_g')) {
    throw new WeightsError('these vectors are for a model with two text encoders (SDXL)', {
      code: 'embedding/other-model',
      where: path,
      expected: 'vectors for one text encoder: one key, the word or emb_params',
      got: [...tensors.values()].map(describe).join(', '),
      hint: 'use an embedding that was trained on a Stable Diffusion 1.x or 2.x model',
    });
  }
  const [entry, ...more] = tensors.values();
  const [vectors = 1, width] = entry?.shape.length === 1 ? [1, entry.shape[0]] : (entry?.shape ?? []);
  if (entry === undefined || more.length > 0 || width === undefined || entry.shape.length > 2) {
    throw new WeightsError('not a file of learned vectors', {
      code: 'embedding/not-an-embedding',
      where: path,
      expected: 'one tensor [vectors, width], its key the word or emb_params',
      got: [...tensors.values()].slice(0, 4).map(describe).join(', ') + (tensors.size > 4 ? ', …' : ''),
    });
  }
  const named =
    entry.name === 'emb_params' ? (metadata[WORD_KEY] ?? basename(path, extname(path))) : entry.name;
  const values = await readTensor(entry);
  const dtype = entry.dtype as LearnedEmbedding['dtype']; // readTensor reads no other
  return { word: word ?? named, vectors, width, values, shape: entry.shape, dtype, metadata };
}

const describe = ({ name, shape }: TensorEntry): string => `${name} [${shape.join()}]`;

function pickleError(path: string): WeightsError {
  return new WeightsError('a pickle: opening it would run whatever program it holds', {
    code: 'embedding/pickle',
    where: path,
    expected: 'a .safetensors file',
    hint: [
      'convert it once, where PyTorch is installed:',
      `  import torch; from safetensors.torch import save_file`,
      `  loaded = torch.load(${JSON.stringify(basename(path))}, map_location="cpu", weights_only=True)`,
      `  key, rows = next(iter(loaded.get("string_to_param", loaded).items()))`,
      `  save_file({"emb_params" if key == "*" else key: rows.detach().contiguous()}, ${JSON.stringify(`${basename(path, extname(path))}.safetensors`)})`,
    ].join('\n'),
  });
}
