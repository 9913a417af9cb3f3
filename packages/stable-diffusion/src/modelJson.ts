// JSON files of models: configs, indexes, tokenizers. Python writes them, so a number may be the bare word NaN,
// Infinity or -Infinity (`json.dumps`; DPM-Solver's lambda_min_clipped), which is no JSON; Windows editors put a byte
// order mark in front. What comes from elsewhere is read within bounds.
import { open } from 'node:fs/promises';
import { DataError, parseJson, WeightsError, withFileErrors } from '@likeness/engine';

/** Largest JSON file of a model that is read: CLIP's tokenizer.json has 4 MB, an index of shards less than 1 MB. */
const MAX_JSON_BYTES = 32 * 2 ** 20;
/** Deepest nesting; real files have 4 levels. */
const MAX_DEPTH = 32;

export type JsonObject = Record<string, unknown>;

/**
 * Reads a JSON object.
 * @throws WeightsError `model/incomplete` when there is no such file, FileError when it cannot be read, WeightsError
 *   `model/too-large`, DataError `json/damaged` when it holds no JSON object
 */
export async function readModelJson(path: string): Promise<JsonObject> {
  const text = await readTextIfPresent(path);
  if (text === undefined) {
    throw new WeightsError('the file is missing', {
      code: 'model/incomplete',
      where: path,
      hint: 'Download or export the model again.',
    });
  }
  return parseModelJson(text, path);
}

/** As `readModelJson`; undefined when there is no such file. */
export async function readModelJsonIfPresent(path: string): Promise<JsonObject | undefined> {
  const text = await readTextIfPresent(path);
  return text === undefined ? undefined : parseModelJson(text, path);
}

/** A text file of a model, within bounds; undefined when there is none. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  return withFileErrors(path, async () => {
    let file;
    try {
      file = await open(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { size } = await file.stat();
      if (size <= MAX_JSON_BYTES) return await file.readFile('utf8');
      throw new WeightsError('the file is too large to be what its name says', {
        code: 'model/too-large',
        where: path,
        expected: `at most ${MAX_JSON_BYTES} bytes`,
        got: `${size} bytes`,
        hint: 'Download or export the model again.',
      });
    } finally {
      await file.close();
    }
  });
}

/** @throws DataError `json/damaged` when the text holds no JSON object, as Python understands JSON */
export function parseModelJson(text: string, where: string): JsonObject {
  const isPython = hasBareNumbers(text);
  const value = parseJson(isPython ? quoted(text) : text, where);
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && isShallow(value, MAX_DEPTH))
    return (isPython ? withNumbers(value) : value) as JsonObject;
  throw new DataError('it is not what a model has under this name', {
    code: 'json/damaged',
    where,
    expected: 'a JSON object',
    got: Array.isArray(value)
      ? 'a list'
      : value === null
        ? 'null'
        : typeof value === 'object'
          ? 'an object of too many levels'
          : `a ${typeof value}`,
    hint: 'Download or export the model again.',
  });
}

/** Fields transformers reads strictly as floats: JavaScript would write 1.0 as 1. */
const FLOATS =
  /"(attention_dropout|dropout|initializer_factor|initializer_range|layer_norm_eps|norm_eps)": (-?\d+)(?=[,\n])/g;

/** The text of a JSON file as Python would write and read it. */
export function modelJsonText(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) =>
      typeof item === 'number' && !Number.isFinite(item) ? `${MARK}${item}${MARK}` : item,
    2,
  );
  return `${text.replaceAll(MARKED, '$1').replace(FLOATS, '"$1": $2.0')}\n`;
}

/** Around a bare word while it is a text. A private-use letter: JSON.stringify writes it as it is. */
const MARK = '\uE000';
const MARKED = /"\uE000(-?Infinity|NaN)\uE000"/g;
const WORDS: ReadonlyMap<string, number> = new Map(
  [NaN, Infinity, -Infinity].map((number) => [`${MARK}${number}${MARK}`, number]),
);

const hasBareNumbers = (text: string): boolean => text.includes('Infinity') || text.includes('NaN');

/** Bare words as marked texts; texts stay as they are. */
function quoted(text: string): string {
  const next = /"|-?\bInfinity\b|\bNaN\b/g;
  let result = '';
  let done = 0;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    const [word] = found;
    if (word === '"') next.lastIndex = textEnd(text, next.lastIndex);
    else {
      result += `${text.slice(done, found.index)}"${MARK}${word}${MARK}"`;
      done = next.lastIndex;
    }
  }
  return result + text.slice(done);
}

/** Where a text ends that begins before `from`: behind its closing quote. A pattern would run out of stack. */
function textEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function withNumbers(value: unknown): unknown {
  if (typeof value === 'string') return WORDS.get(value) ?? value;
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNumbers(inner)]));
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
