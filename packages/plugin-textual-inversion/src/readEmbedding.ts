// Files with learned vectors, in the dialects that come as safetensors: diffusers (one key, the word), and `emb_params`
// of A1111, kohya, ai-toolkit and OneTrainer, or the text encoder's name `clip_l`. See docs/methods/textual-inversion.md.
import { basename, extname } from 'node:path';
import { readNumbers, readSafetensorsHeader, WeightsError, type TensorEntry } from '@likeness/core';
import { checkSize, checkWord, isKeyOfFormat, WORD_KEY } from './words.ts';

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

export interface ReadEmbeddingOptions {
  /**
   * The word to use; default: the file's key, or the file's name where the key is that of a format (`emb_params`) or of
   * a text encoder (`clip_l`).
   */
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
  if (tensors.has('clip_g')) {
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
  checkSize(vectors, width, path);
  const named = isKeyOfFormat(entry.name)
    ? (metadata[WORD_KEY] ?? basename(path, extname(path)))
    : entry.name;
  const used = word ?? named;
  checkWord(used, path);
  const values = await readNumbers(entry);
  if (!values.every(Number.isFinite)) {
    throw new WeightsError('vectors with numbers that are none (NaN or infinite)', {
      code: 'embedding/not-finite',
      where: path,
      hint: 'training diverged, or the file is damaged: use an earlier checkpoint, or get it again',
    });
  }
  return { word: used, vectors, width, values, shape: entry.shape, dtype: writtenAs(entry), metadata };
}

/** Its own type, or the nearest of those that files of vectors are written in. */
function writtenAs({ dtype }: TensorEntry): LearnedEmbedding['dtype'] {
  return dtype === 'F16' || dtype === 'BF16' ? dtype : 'F32';
}

const describe = ({ name, shape }: TensorEntry): string =>
  `${JSON.stringify(name.slice(0, 60)).slice(1, -1)} [${shape.join()}]`;

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
