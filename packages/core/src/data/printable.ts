// Names of files in messages: a name may hold anything, line breaks and commands to a terminal included.

/** The text with control characters spelt out, so that it stays on its line. */
export const printable = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );

const SHOWN = 10;

/** `a.txt, b.txt and 3 more` */
export function listed(names: readonly string[], shown = SHOWN): string {
  const more = names.length - shown;
  return more > 0 ? `${names.slice(0, shown).join(', ')} and ${String(more)} more` : names.join(', ');
}
