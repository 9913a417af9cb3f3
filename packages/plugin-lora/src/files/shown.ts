// Texts of files in messages: some of many, none of endless length, and nothing that a terminal would take for a command.

/** Lines of a kind that are shown; a message stays on one screen. */
const LINES = 4;
const LONGEST = 100;

/** The first of many lines, and how many more there are. */
export function firstOf(lines: readonly string[]): string[] {
  const more = lines.length - LINES;
  return more > 1 ? [...lines.slice(0, LINES), `… and ${more} more`] : [...lines];
}

/** A name or value as it may stand in a message. */
export function shown(text: string): string {
  const visible = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (character) =>
    JSON.stringify(character).slice(1, -1),
  );
  return visible.length <= LONGEST ? visible : `${visible.slice(0, LONGEST - 1)}…`;
}
