/** Quotes an argument of a line to type where a shell would take it apart. */
export function shellQuote(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  // In double quotes an interactive shell would still look `!` up in its history.
  return text.includes('!')
    ? `'${text.replaceAll("'", String.raw`'\''`)}'`
    : `"${text.replaceAll(/["$`\\]/g, String.raw`\$&`)}"`;
}
