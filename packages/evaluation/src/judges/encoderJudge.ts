// An encoder as a judge: pictures through its own preprocessing into its features, texts through its tokenizer, labels
// as probabilities. TensorFlow starts when it is first asked and ends with `close`.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import {
  ConfigError,
  DataError,
  defaultThreads,
  defineFunction,
  float32,
  int32,
  stableJson,
  startMachine,
  type ImageEncoder,
  type LabelScores,
  type Machine,
  type Mode,
  type PlannedFunction,
  type RgbImage,
  type TextFeatures,
} from '@likeness/core';
import type { Classifier, Judge, JudgeIdentity, TextJudge } from '../judge.ts';
import { outputSize, preprocess, type Preprocessing } from '../preprocessing/preprocess.ts';
import { parsePreprocessorConfig } from '../preprocessing/preprocessorConfig.ts';
import { inBatches, joined, rowsOf } from './batches.ts';

export interface EncoderJudgeOptions {
  /** For people and reports. Default: the name of its folder. */
  readonly name?: string;
  /** Instead of what its `preprocessor_config.json` says. */
  readonly preprocessing?: Preprocessing;
  /** Pictures computed together; part of what decides last bits. Default 8. */
  readonly batchSize?: number;
  readonly mode?: Mode;
  readonly threads?: number;
}

/** The pictures' side of any encoder. */
export function imageJudge(encoder: ImageEncoder, options: EncoderJudgeOptions = {}): Judge & Closed {
  const seat = seatOf(encoder, { ...options, traced: (pixels) => encoder.encode(pixels) });
  return {
    ...seat.identity,
    dimensions: encoder.featureSize,
    imageFeatures: (pictures) => seat.look(pictures, encoder.featureSize),
    close: seat.close,
  };
}

/**
 * An encoder that reads texts as well.
 * @throws ConfigError when it has no text tower
 */
export function textJudge(encoder: ImageEncoder, options: EncoderJudgeOptions = {}): TextJudge & Closed {
  const { text } = encoder;
  if (text === undefined) {
    throw new ConfigError('this encoder reads no texts', {
      code: 'evaluation/wrong-judge',
      where: basename(encoder.source),
      expected: 'a CLIP model, with a text tower and a tokenizer',
      got: 'an encoder of pictures alone',
    });
  }
  const seat = seatOf(encoder, { ...options, traced: (pixels) => encoder.encode(pixels), text });
  return {
    ...seat.identity,
    dimensions: encoder.featureSize,
    imageFeatures: (pictures) => seat.look(pictures, encoder.featureSize),
    textFeatures: seat.read,
    close: seat.close,
  };
}

/**
 * A classifier.
 * @param kind which of its kinds of labels; default: `noun` or `label`, or the only one
 * @throws ConfigError when it has no labels, or none of this kind
 */
export function classifierJudge(
  encoder: ImageEncoder,
  { kind, ...options }: EncoderJudgeOptions & { readonly kind?: string } = {},
): Classifier & Closed {
  const { labels } = encoder;
  const columns = Object.entries(labels?.columns ?? {});
  const column =
    columns.find(([name]) => (kind === undefined ? name === 'noun' || name === 'label' : name === kind)) ??
    (kind === undefined && columns.length === 1 ? columns[0] : undefined);
  if (labels === undefined || column === undefined) {
    throw new ConfigError('this classifier does not say what pictures show', {
      code: 'evaluation/wrong-judge',
      where: basename(encoder.source),
      expected: kind ?? 'labels of a kind called noun or label',
      got: columns.map(([name]) => name).join(', ') || 'no labels',
    });
  }
  const [name, classes] = column;
  const start = columns.slice(0, columns.indexOf(column)).reduce((sum, [, values]) => sum + values.length, 0);
  const width = columns.reduce((sum, [, values]) => sum + values.length, 0);
  const seat = seatOf(encoder, { ...options, traced: labels.classify, part: `classifier ${name}` });
  return {
    ...seat.identity,
    classes,
    classify: async (pictures) =>
      (await seat.look(pictures, width)).map((scores) =>
        softmax(scores.subarray(start, start + classes.length)),
      ),
    close: seat.close,
  };
}

interface Closed {
  close(): Promise<void>;
}

interface SeatOptions extends EncoderJudgeOptions {
  /** Traced: pixels `[B, H, W, 3]` → `[B, width]`. */
  readonly traced: LabelScores['classify'];
  readonly text?: TextFeatures;
  /** What of the encoder speaks: part of the fingerprint. */
  readonly part?: string;
}

interface Seat extends Closed {
  readonly identity: JudgeIdentity;
  /** Rows of `width` numbers, one a picture. */
  look(pictures: readonly RgbImage[], width: number): Promise<Float32Array[]>;
  read(texts: readonly string[]): Promise<Float32Array[]>;
}

/** An encoder with its machine, which is there once it has been asked something. */
function seatOf(encoder: ImageEncoder, options: SeatOptions): Seat {
  const {
    traced,
    text,
    part = 'features',
    batchSize = 8,
    mode = 'graph',
    threads = defaultThreads(),
  } = options;
  const place = basename(encoder.source);
  const preprocessing =
    options.preprocessing ??
    parsePreprocessorConfig(encoder.preprocessor, `${place}/preprocessor_config.json`);
  const size = outputSize(preprocessing);
  if (size === undefined)
    throw new DataError('its pictures would have many sizes', {
      code: 'evaluation/preprocessing',
      where: place,
    });
  let machine: Promise<Machine> | undefined;
  const start = (): Promise<Machine> =>
    (machine ??= startMachine(
      { model: encoder, threads, mode, precision: 'fp32', gradientCheckpointing: false },
      functions(),
    ));

  const functions = (): Record<string, PlannedFunction> => {
    const pixels = float32(batchSize, size.height, size.width, 3);
    const pictures = defineFunction({ pixels }, (inputs) => ({ out: traced(inputs.pixels) }));
    const planned = { pictures: { definition: pictures, expectedRuns: 0 } };
    if (text === undefined) return planned;
    const texts = defineFunction({ inputIds: int32(1, text.maxLength) }, ({ inputIds }) => ({
      out: text.encode(inputIds),
    }));
    return { ...planned, texts: { definition: texts, expectedRuns: 0 } };
  };

  const look: Seat['look'] = async (pictures, width) => {
    if (pictures.length === 0) return [];
    const { program } = await start();
    return inBatches(pictures, batchSize, async (batch) => {
      const pixels = joined(batch.map((picture) => preprocess(picture, preprocessing).pixels));
      const { out } = await program.run('pictures', { pixels });
      return rowsOf(out as Float32Array, width);
    });
  };

  const read: Seat['read'] = async (texts) => {
    if (text === undefined || texts.length === 0) return [];
    const { program } = await start();
    const rows: Float32Array[] = [];
    for (const words of texts) {
      const { out } = await program.run('texts', { inputIds: text.tokenizer.encodePadded(words) });
      rows.push(out as Float32Array);
    }
    return rows;
  };

  const parts = { encoder: encoder.fingerprint, preprocessing, part };
  return {
    identity: {
      name: options.name ?? place,
      fingerprint: createHash('sha256').update(stableJson(parts)).digest('hex'),
    },
    look,
    read,
    close: async () => {
      const started = await machine?.catch(() => undefined);
      machine = undefined;
      await started?.close();
    },
  };
}

function softmax(scores: Float32Array): Float32Array {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
