// Shapes that scenes are made of, as SVG in a frame of 100 × 100. Numbers are cut to two decimals, so that the last
// bits of a sine differ nowhere.
import type { Chance } from '../chance.ts';

/** A number as SVG wants it: short. */
export function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Hue in degrees, saturation and lightness in percent. */
export function hsl(hue: number, saturation: number, lightness: number): string {
  const turn = ((Math.round(hue) % 360) + 360) % 360;
  const percent = (value: number): string => String(Math.round(Math.min(100, Math.max(0, value))));
  return `hsl(${String(turn)},${percent(saturation)}%,${percent(lightness)}%)`;
}

export function rect(x: number, y: number, width: number, height: number, fill: string, more = ''): string {
  return `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${fill}" ${more}/>`;
}

export function ellipse(x: number, y: number, rx: number, ry: number, fill: string, more = ''): string {
  return `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="${fill}" ${more}/>`;
}

export function circle(x: number, y: number, r: number, fill: string, more = ''): string {
  return ellipse(x, y, r, r, fill, more);
}

export function path(d: string, fill: string, more = ''): string {
  return `<path d="${d}" fill="${fill}" ${more}/>`;
}

export function polygon(points: readonly (readonly [number, number])[], fill: string, more = ''): string {
  return `<polygon points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(' ')}" fill="${fill}" ${more}/>`;
}

/** A line without fill. */
export function stroke(d: string, colour: string, width: number, more = ''): string {
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${n(width)}" stroke-linecap="round" ${more}/>`;
}

/** The whole frame from top to bottom in these colours. */
export function backdrop(...colours: readonly string[]): string {
  return fade('backdrop', colours) + rect(-1, -1, 102, 102, 'url(#backdrop)');
}

/** A vertical gradient, to be used as `url(#id)`. */
export function fade(id: string, colours: readonly string[]): string {
  return `<linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1">${stops(colours)}</linearGradient>`;
}

/** A gradient from the middle outward. Colours may carry an alpha: `rgba(…)`. */
export function glow(id: string, colours: readonly string[]): string {
  return `<radialGradient id="${id}">${stops(colours)}</radialGradient>`;
}

function stops(colours: readonly string[]): string {
  const last = Math.max(1, colours.length - 1);
  return colours.map((colour, i) => `<stop offset="${n(i / last)}" stop-color="${colour}"/>`).join('');
}

/** Ground with a soft upper edge around height `y`, down to the bottom. */
export function hill(chance: Chance, y: number, swing: number, fill: string): string {
  const at = (): string => n(y + chance.between(-swing, swing));
  return path(`M-2 ${at()} C20 ${at()} 34 ${at()} 50 ${at()} S84 ${at()} 102 ${at()} V102 H-2 Z`, fill);
}

/** A clear sky by day. */
export function blueSky(chance: Chance): string {
  const hue = chance.between(196, 214);
  return backdrop(hsl(hue, 78, 68), hsl(hue, 85, 84), hsl(hue - 4, 80, 92));
}

export function cloud(chance: Chance, x: number, y: number, size: number, fill = '#fff'): string {
  const puffs = [-1, -0.45, 0.1, 0.6, 1.05].map((offset, i) =>
    circle(x + offset * size, y - (i % 2 === 0 ? 0 : size * 0.28), size * chance.between(0.4, 0.58), fill),
  );
  return `<g opacity="${n(chance.between(0.8, 0.95))}">${puffs.join('')}${rect(x - size * 1.2, y, size * 2.5, size * 0.45, fill, `rx="${n(size * 0.22)}"`)}</g>`;
}

/** A few clouds in the upper part. */
export function clouds(chance: Chance, most: number, fill = '#fff'): string {
  return many(chance.whole(1, most), () =>
    cloud(chance, chance.between(0, 100), chance.between(7, 27), chance.between(5, 9), fill),
  );
}

/** A fir standing at (x, y). */
export function fir(x: number, y: number, height: number, fill: string, cap?: string): string {
  const tier = (top: number, half: number, length: number, colour: string): string =>
    polygon(
      [
        [x, y - height * top],
        [x + height * half, y - height * (top - length)],
        [x - height * half, y - height * (top - length)],
      ],
      colour,
    );
  return (
    rect(x - height * 0.05, y - height * 0.16, height * 0.1, height * 0.16, '#6b4a32') +
    tier(0.66, 0.36, 0.53, fill) +
    tier(0.86, 0.29, 0.44, fill) +
    tier(1, 0.21, 0.36, fill) +
    (cap === undefined ? '' : tier(1, 0.1, 0.17, cap))
  );
}

/** A leafy tree standing at (x, y). */
export function leafyTree(x: number, y: number, height: number, leaves: string, shade: string): string {
  const r = height * 0.3;
  return (
    rect(x - height * 0.06, y - height * 0.45, height * 0.12, height * 0.45, '#7a5236') +
    circle(x - r * 0.6, y - height * 0.55, r * 0.85, shade) +
    circle(x + r * 0.7, y - height * 0.57, r * 0.8, shade) +
    circle(x, y - height * 0.7, r, leaves)
  );
}

/** A small flower head. */
export function blossom(x: number, y: number, r: number, petals: string, heart = '#ffd94a'): string {
  const around = [0, 72, 144, 216, 288].map((degrees) => {
    const angle = (degrees * Math.PI) / 180;
    return circle(x + Math.sin(angle) * r * 0.62, y - Math.cos(angle) * r * 0.62, r * 0.5, petals);
  });
  return around.join('') + circle(x, y, r * 0.42, heart);
}

/** Grass: short strokes rooted at (x, y). */
export function tuft(chance: Chance, x: number, y: number, height: number, colour: string): string {
  const blades = [-1, 0, 1].map(
    (lean) =>
      `M${n(x + lean * height * 0.15)} ${n(y)} q${n(lean * height * 0.1)} ${n(-height * 0.6)} ${n(lean * height * 0.4 + chance.between(-0.3, 0.3))} ${n(-height)}`,
  );
  return stroke(blades.join(' '), colour, height * 0.16);
}

/** `count` things, one after the other. */
export function many(count: number, thing: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => thing(i)).join('');
}
