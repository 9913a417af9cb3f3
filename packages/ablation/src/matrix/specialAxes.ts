// Axes that change what the subject is called and shown by: the class noun, the identifier, how many pictures there are
// (Ruiz et al. 2022, sections 4.3 and the supplement).
import type { FactorValue } from '../cellResult.ts';
import type { Factors } from './design.ts';
import type { Study } from './question.ts';

export const SPECIAL_AXES: readonly string[] = ['classNoun', 'identifier', 'numInstanceImages'];

/** What a matrix needs to know of a subject. */
export interface SubjectFacts {
  readonly name: string;
  readonly classNoun: string | undefined;
  /** Its pictures, in the order of their names: `numInstanceImages` takes the first. */
  readonly pictures: readonly string[];
  /** The settings that say which pictures, when all of them are taken: an example subject's name, or a folder. */
  readonly source: { readonly subject: string } | { readonly instanceDataDir: string | readonly string[] };
  /** The class noun of the next subject that is something else; what a wrong one is when nobody says. */
  readonly wrongNoun: string | undefined;
}

/** What `identifier: word` is when nobody says: an English word, as in the paper's section 3.1. */
const COMMON_WORD = 'unique';
/** Core's default. */
const RARE_WORD = 'sks';

/** Settings for a subject, or why there can be none. */
export type SubjectSettings =
  { readonly values: Readonly<Record<string, unknown>> } | { readonly refusal: string };

/**
 * @param settings those of all cells: identifier and class noun may stand there
 * @returns settings that take the place of `subject`
 */
export function subjectSettings(
  factors: Factors,
  subject: SubjectFacts,
  settings: Readonly<Record<string, unknown>>,
  words: Study['words'] = {},
): SubjectSettings {
  const touched = SPECIAL_AXES.filter((name) => (factors[name] ?? null) !== null);
  const own = typeof settings['classNoun'] === 'string' ? settings['classNoun'] : subject.classNoun;
  const noun = nounOf(
    factors['classNoun'] ?? 'correct',
    own,
    words.wrong?.[subject.name] ?? subject.wrongNoun,
  );
  if (typeof noun === 'object') return noun;
  const rare = typeof settings['identifier'] === 'string' ? settings['identifier'] : RARE_WORD;
  const identifier = identifierOf(factors['identifier'] ?? 'rare', rare, words.common ?? COMMON_WORD);
  const pictures = picturesOf(factors['numInstanceImages'] ?? null, subject);
  if ('refusal' in pictures) return pictures;

  // An example subject brings its class noun along: where there is to be none, its pictures are named instead.
  const isWhole = pictures.values === subject.pictures && noun !== undefined;
  const values: Record<string, unknown> = isWhole
    ? { ...subject.source }
    : { instanceDataDir: pictures.values };
  if (touched.includes('identifier') && identifier !== undefined) values['identifier'] = identifier;
  if (noun !== undefined && !('subject' in values && noun === subject.classNoun)) values['classNoun'] = noun;
  if (noun !== undefined && identifier !== undefined) return { values };
  if (noun === undefined && identifier === undefined)
    return { refusal: 'neither an identifier nor a class noun: nothing would name the subject' };
  const named = identifier ?? `${/^[aeiou]/i.test(noun ?? '') ? 'an' : 'a'} ${noun ?? ''}`;
  return { values: { ...values, instancePrompt: `a photo of ${named}` } };
}

function nounOf(
  value: FactorValue,
  own: string | undefined,
  wrong: string | undefined,
): string | undefined | { refusal: string } {
  if (value === 'none') return undefined;
  if (value === 'correct') return own;
  if (value !== 'wrong') return String(value);
  return wrong ?? { refusal: 'classNoun wrong: no other class noun is known; name one under words.wrong' };
}

function identifierOf(value: FactorValue, rare: string, common: string): string | undefined {
  if (value === 'none') return undefined;
  return value === 'rare' ? rare : value === 'word' ? common : String(value);
}

function picturesOf(
  wanted: FactorValue,
  { name, pictures }: SubjectFacts,
): { values: readonly string[] } | { refusal: string } {
  if (wanted === null) return { values: pictures };
  const count = Number(wanted);
  if (!Number.isInteger(count) || count < 1 || count > pictures.length)
    return { refusal: `numInstanceImages ${String(wanted)}: ${name} has ${pictures.length} pictures` };
  return { values: pictures.slice(0, count) };
}
