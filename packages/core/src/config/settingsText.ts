// Settings written as data: YAML or JSON, in the encodings editors write. Nothing in them is run, and no name in them
// reaches an object's prototype.
import { LineCounter, parseDocument } from 'yaml';
import { ConfigError } from '../errors.ts';

/** Names that mean something to JavaScript's objects, and nothing to settings. */
const RESERVED: readonly string[] = ['__proto__', 'constructor', 'prototype'];
/** An alias used more often than this is no setting but a bomb. */
const MOST_ALIASES = 100;
const DEEPEST = 50;

/**
 * Text of a file: UTF-8, or UTF-16 where its byte order mark says so.
 * @throws ConfigError when it is neither
 */
export function decodeSettings(bytes: Uint8Array, where: string): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    // A byte order mark is taken off by the decoder.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError('its text is in no encoding that is read', {
      code: 'config/damaged',
      where,
      expected: 'UTF-8, or UTF-16 with a byte order mark',
      hint: 'save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW',
      cause,
    });
  }
}

/**
 * @param format of the text
 * @throws ConfigError `config/damaged` with line and column
 */
export function parseSettings(text: string, format: 'json' | 'yaml', where: string): unknown {
  return plain(format === 'json' ? parseJsonSettings(text, where) : parseYamlSettings(text, where), where);
}

function parseJsonSettings(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // V8 says where it stopped; when the text ended too early it may not.
    const position = /\bposition (\d+)/.exec(reason)?.[1];
    const at = position === undefined ? text.length : Number(position);
    const lines = text.slice(0, at).split('\n');
    throw damaged('JSON', `${where}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`, reason, cause);
  }
}

function parseYamlSettings(text: string, where: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw damaged('YAML', `${where}:${line}:${col}`, error.message, error);
  }
  try {
    // As maps: keys stay keys, whatever they are called.
    return document.toJS({ mapAsMap: true, maxAliasCount: MOST_ALIASES }) as unknown;
  } catch (cause) {
    throw damaged('YAML', where, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function damaged(format: string, where: string, got: string, cause: unknown): ConfigError {
  const isPath = /escaped character/.test(got);
  return new ConfigError(`it is not valid ${format}`, {
    code: 'config/damaged',
    where,
    got,
    hint: isPath
      ? String.raw`write paths with / or with \\: "C:/Users/me/photos"`
      : 'correct it there: line and column stand behind the name',
    cause,
  });
}

/** Maps as plain objects. @throws ConfigError for reserved names, and for what is nested without end */
function plain(value: unknown, where: string, path: readonly string[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (path.length > DEEPEST) throw damaged('settings', where, `more than ${DEEPEST} levels`, undefined);
  if (Array.isArray(value)) return value.map((inner, i) => plain(inner, where, [...path, String(i)]));
  if (value instanceof Date || value instanceof Uint8Array || value instanceof Set)
    return value instanceof Date
      ? value.toISOString()
      : Array.from<unknown, string>(value, (one) => JSON.stringify(one)).join(',');
  const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, inner]) => {
      const key = typeof name === 'string' ? name : JSON.stringify(name);
      if (RESERVED.includes(key)) {
        throw new ConfigError('no option is called so', {
          code: 'config/reserved-name',
          where,
          got: [...path, key].join('.'),
          hint: 'remove it',
        });
      }
      return [key, plain(inner, where, [...path, key])];
    }),
  );
}
