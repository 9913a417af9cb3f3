// What JSON.parse does not tell of a header's text: names that stand twice (it keeps the last), whole numbers written
// as 1.0 or 1e3 (it makes them 1 and 1000). The reference reader refuses both.

interface Level {
  /** Keys so far; undefined in a list. */
  readonly keys: Set<string> | undefined;
  /** The key whose value comes next. */
  key: string;
}

const TOKEN = /["{}[\]:]|[-\d][-+.\deE]*/g;
const FIELDS = new Set(['dtype', 'shape', 'data_offsets']);
const WHOLE = /^\d+$/;

/**
 * Problems in the text of a header, each in one line.
 * @param text JSON that JSON.parse takes, an object
 */
export function problemsOfHeaderText(text: string): string[] {
  const problems: string[] = [];
  const levels: Level[] = [];
  TOKEN.lastIndex = 0;
  // The last text of an object is a key when a colon follows.
  let last = '';
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [token] = match;
    if (token === '"') {
      const end = endOfText(text, match.index);
      TOKEN.lastIndex = end;
      last = text.slice(match.index, end);
    } else if (token === '{') levels.push({ keys: new Set(), key: '' });
    else if (token === '[') levels.push({ keys: undefined, key: '' });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ':') takeKey(JSON.parse(last) as string, levels, problems);
    else if (isSize(levels) && looksWhole(token)) {
      problems.push(
        `${levels[0]?.key ?? ''}: ${token} in ${levels[1]?.key ?? ''} is not a whole number >= 0`,
      );
    }
  }
  return problems;
}

function takeKey(key: string, levels: readonly Level[], problems: string[]): void {
  const level = levels.at(-1);
  if (level?.keys === undefined) return;
  level.key = key;
  const tensor = levels[0]?.key ?? '';
  // Other fields are nobody's business, nor is which of two equal keys of the metadata counts.
  if (levels.length === 2 ? tensor === '__metadata__' || !FIELDS.has(key) : levels.length > 2) return;
  if (level.keys.has(key)) {
    problems.push(
      levels.length === 1 ? `${key} stands twice in the header` : `${tensor}: ${key} stands twice`,
    );
  }
  level.keys.add(key);
}

/** Does JSON.parse make a size of a number that is not written as one? Others are refused by their value. */
function looksWhole(number: string): boolean {
  return !WHOLE.test(number) && Number.isSafeInteger(Number(number)) && Number(number) >= 0;
}

/** Is a number here one of a tensor's shape or offsets? */
function isSize(levels: readonly Level[]): boolean {
  const [header, entry] = levels;
  if (levels.length !== 3 || levels[2]?.keys !== undefined || header?.key === '__metadata__') return false;
  return entry?.key === 'shape' || entry?.key === 'data_offsets';
}

/** @returns the position after the quote that ends the text which starts at `start` */
function endOfText(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}
