// Charts as SVG text, drawn by Observable Plot without a browser. The same numbers give the same bytes.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

export { Plot };

/** Colours that stay apart for colour-blind readers, light and dark; the baseline is the first. */
const LIGHT = ['#5b6472', '#2f6fb2', '#c2571a', '#1d8a63', '#9a4fa3', '#b08a00', '#c23b5a', '#3a8fa8'];
const DARK = ['#a3adbb', '#6ea8e6', '#f0935a', '#4cc498', '#cc8fd4', '#dcbf4a', '#f07f99', '#74c3d9'];

/** Beyond the palette colours come again; labels tell groups apart there. */
export function colourOf(index: number): string {
  return `var(--g${index % LIGHT.length})`;
}

/** The custom properties the charts refer to. */
export function chartColours(theme: 'light' | 'dark'): string {
  const palette = theme === 'light' ? LIGHT : DARK;
  const ink =
    theme === 'light'
      ? ['#1c2026', '#6b7280', '#d9dce1', '#fdfdfc']
      : ['#e6e7ea', '#9aa2ae', '#3a3f48', '#15171b'];
  const names = ['--ink', '--muted', '--rule', '--paper'];
  return [
    ...names.map((name, index) => `${name}: ${ink[index]};`),
    ...palette.map((colour, index) => `--g${index}: ${colour};`),
  ].join(' ');
}

export const LETTER_WIDTH = 6.3;

/** Room for labels left of the rows. */
export function labelMargin(labels: readonly string[]): number {
  return Math.min(260, 18 + LETTER_WIDTH * Math.max(0, ...labels.map((label) => label.length)));
}

/** Plot's options as SVG text for a page that has the colours of {@link chartColours}. */
export function renderChart(options: Plot.PlotOptions, label: string): string {
  const { document } = parseHTML('<html><body></body></html>');
  const element = Plot.plot({ ...options, document: document as unknown as Document, className: 'chart' });
  const svg = element.outerHTML
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/^<svg /, () => `<svg role="img" aria-label="${escapeXml(label)}" `);
  return roundedNumbers(svg);
}

/** A chart, or several below each other, as a file of its own: colours spelled out, on paper. */
export function standaloneSvg(
  charts: readonly { svg: string; title: string }[],
  about: string,
  leastWidth: number,
): string {
  const sized = charts.map(({ svg, title }) => ({ svg, title, ...sizeOf(svg) }));
  const width = Math.max(leastWidth, ...sized.map((chart) => chart.width));
  const titleHeight = 24;
  let y = 8;
  const parts = sized.map(({ svg, title, height }) => {
    const text = `<text x="12" y="${y + 14}" font-size="12" font-weight="600">${escapeXml(title)}</text>`;
    const placed = svg.replace(/^<svg /, `<svg x="0" y="${y + titleHeight}" `);
    y += titleHeight + height + 8;
    return `${text}\n${placed}`;
  });
  const colours = new Map(
    [...chartColours('light').matchAll(/(--\w+): (#\w+);/g)].map(([, name, colour]) => [name, colour]),
  );
  const body = parts
    .join('\n')
    .replace(/var\((--\w+)\)/g, (whole, name: string) => colours.get(name) ?? whole);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" ` +
    `color="${colours.get('--ink')}" fill="currentColor" font-family="system-ui, sans-serif">\n` +
    `<desc>${escapeXml(about)}</desc>\n<rect width="100%" height="100%" fill="white"/>\n${body}\n</svg>\n`
  );
}

function sizeOf(svg: string): { width: number; height: number } {
  const number = (name: string): number => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(svg)?.[1] ?? 0);
  return { width: number('width'), height: number('height') };
}

/** Coordinates to a hundredth of a pixel: smaller files, and no last bits of a machine's arithmetic. */
function roundedNumbers(svg: string): string {
  return svg.replace(/<[^>]*>/g, (tag) =>
    tag.replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(Math.round(Number(number) * 100) / 100)),
  );
}

/** Letters XML has no place for. */
const NO_XML = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]|\p{Surrogate}/gu;

export function escapeXml(text: string): string {
  return text
    .replaceAll(NO_XML, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
