// Numbers on the command line, refused with what was expected.
import { InvalidArgumentError } from 'commander';

export function positiveInteger(text: string): number {
  return checked(
    text,
    (value) => Number.isSafeInteger(value) && value > 0,
    'expected a whole number above 0',
  );
}

export function wholeNumber(text: string): number {
  return checked(
    text,
    (value) => Number.isSafeInteger(value) && value >= 0,
    'expected a whole number, 0 or more',
  );
}

export function nonNegative(text: string): number {
  return checked(text, (value) => value >= 0, 'expected a number, 0 or more');
}

/** `0,0.5,1` */
export function numbers(text: string): number[] {
  return text
    .split(',')
    .map((part) => checked(part, () => true, 'expected numbers with commas between them'));
}

/** `500`, `200MB`, `4 GB` in bytes. */
export function byteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kMGT]?)B?$/i.exec(text.trim());
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match?.[2] ?? '').toLowerCase());
  if (match === null) throw new InvalidArgumentError('expected a size such as 500MB or 4GB');
  return Math.round(Number(match[1]) * 1000 ** power);
}

function checked(text: string, isRight: (value: number) => boolean, expected: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || !isRight(value)) throw new InvalidArgumentError(expected);
  return value;
}
