// HTML by template: what is put in is escaped unless it is markup itself.
import { escapeXml } from './chart.ts';

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Part = Markup | string | number | undefined | readonly Part[];

/** Named so that formatters leave the text alone. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(
    strings.map((text, index) => text + (index < parts.length ? render(parts[index]) : '')).join(''),
  );
}

/** SVG, style, script: as it is. */
export function raw(text: string): Markup {
  return new Markup(text);
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(render).join('');
  return escapeXml(String(part));
}

/** JSON inside a script element: nothing of it may end the element. */
export function embeddedJson(value: unknown): Markup {
  return raw(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

/** Keeps a number on the line of what it belongs to. */
export function unbroken(text: string): string {
  return text.replace(/ ([=<]) (?=\d)/g, '\u00a0$1\u00a0').replace(/ (?=%|±)/g, '\u00a0');
}
