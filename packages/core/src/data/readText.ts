// Text that people write - captions, prompts, metadata - as files have it: UTF-8, or UTF-16 with its mark (Notepad's
// "Unicode", PowerShell's `>`). Any other encoding is refused rather than guessed: a wrong guess would be trained.
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { DataError, withFileErrors } from '../errors.ts';

const NEWLINE = 10;

/**
 * Text of a file's bytes, without a byte order mark.
 * @param where the file, for errors
 * @throws DataError `data/unknown-encoding` with the line and the command that converts the file
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const marked = markedEncoding(bytes);
  if (marked !== undefined) {
    try {
      const text = new TextDecoder(marked, { fatal: true }).decode(bytes);
      if (!text.includes('\0')) return text;
    } catch (cause) {
      throw refused(
        where,
        `${marked.toUpperCase()} that is damaged or cut short`,
        marked.toUpperCase(),
        cause,
      );
    }
    throw refused(where, 'NUL characters', 'UTF-32');
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    // Latin letters in UTF-16 are a byte and a zero, in the order of the machine.
    throw refused(
      where,
      'NUL characters: UTF-16 without its mark?',
      zero % 2 === 1 ? 'UTF-16LE' : 'UTF-16BE',
    );
  }
  if (!isUtf8(bytes)) {
    throw refused(
      `${where}, line ${String(lineNotUtf8(bytes))}`,
      notUtf8(bytes),
      'WINDOWS-1252',
      undefined,
      where,
    );
  }
  return new TextDecoder('utf-8').decode(bytes);
}

/** @throws FileError when it cannot be read; DataError when it is in another encoding */
export async function readTextFile(path: string): Promise<string> {
  return decodeText(await withFileErrors(path, () => readFile(path)), path);
}

/** The encoding a byte order mark tells; none for UTF-8, whose decoder knows its own. */
function markedEncoding([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}

/** Number of the first line, from 1, that is not UTF-8. */
function lineNotUtf8(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start <= bytes.length; line++) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}

/** The first character beyond ASCII, where it goes wrong, with what is around it. */
function notUtf8(bytes: Uint8Array): string {
  const line = Buffer.from(bytes).toString('latin1').split('\n')[lineNotUtf8(bytes) - 1] ?? '';
  const at = Math.max(0, line.search(/[\x80-\xff]/));
  const shown = line.slice(Math.max(0, at - 12), at + 12).replaceAll(/[^\x20-\x7e]/g, '?');
  const code = line.charCodeAt(at).toString(16).toUpperCase();
  return `byte 0x${code} in "${shown.trim()}"`;
}

function refused(where: string, got: string, encoding: string, cause?: unknown, path = where): DataError {
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  return new DataError('the text is not UTF-8', {
    code: 'data/unknown-encoding',
    where,
    expected: 'UTF-8, or UTF-16 with a byte order mark',
    got,
    hint: `if it is ${encoding}: iconv -f ${encoding} -t UTF-8 ${quoted} > converted.txt && mv converted.txt ${quoted}`,
    cause,
  });
}
