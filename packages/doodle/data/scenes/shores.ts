// Scenes with water and sand.
import {
  backdrop,
  circle,
  cloud,
  clouds,
  ellipse,
  fade,
  glow,
  hill,
  hsl,
  many,
  n,
  path,
  polygon,
  rect,
  stroke,
} from './ink.ts';
import type { Chance } from '../chance.ts';
import type { Scene } from './scene.ts';

export const beach: Scene = {
  name: 'beach',
  phrases: ['on the beach', 'at the beach'],
  footing: 'stand',
  draw(chance) {
    const sky = chance.between(197, 212);
    const sea = chance.between(186, 208);
    const sand = chance.between(38, 46);
    const shore = chance.between(54, 64);
    const horizon = chance.between(36, 44);
    return {
      back:
        backdrop(hsl(sky, 85, 66), hsl(sky, 90, 86), hsl(sky, 90, 92)) +
        (chance.happens(0.6)
          ? sun(chance.between(12, 88), chance.between(9, 20), chance.between(5, 8))
          : '') +
        clouds(chance, 2) +
        fade('sea', [hsl(sea + 8, 72, 42), hsl(sea, 66, 60)]) +
        rect(-1, horizon, 102, 40, 'url(#sea)') +
        ripples(chance, horizon + 3, shore - 4, 6) +
        hill(chance, shore - 1.6, 2.5, 'rgba(255,255,255,.85)') +
        fade('sand', [hsl(sand, 78, 80), hsl(sand, 66, 70)]) +
        hill(chance, shore + 1.2, 2.5, 'url(#sand)') +
        many(16, () =>
          circle(
            chance.between(0, 100),
            chance.between(70, 99),
            chance.between(0.4, 0.9),
            hsl(sand - 6, 50, 60),
          ),
        ) +
        (chance.happens(0.5) ? starfish(chance, chance.between(8, 92), chance.between(82, 95)) : ''),
    };
  },
};

export const water: Scene = {
  name: 'water',
  phrases: ['in the water', 'in the sea'],
  footing: 'wade',
  draw(chance) {
    const sky = chance.between(196, 212);
    const sea = chance.between(194, 214);
    const horizon = chance.between(28, 40);
    const line = chance.between(77, 80);
    return {
      back:
        backdrop(hsl(sky, 80, 72), hsl(sky, 85, 90)) +
        (chance.happens(0.5) ? sun(chance.between(12, 88), chance.between(9, 18), 6) : '') +
        clouds(chance, 2) +
        fade('sea', [hsl(sea, 65, 62), hsl(sea + 6, 72, 46), hsl(sea + 10, 75, 38)]) +
        rect(-1, horizon, 102, 80, 'url(#sea)') +
        ripples(chance, horizon + 4, 98, 14),
      front:
        path(waveLine(chance, line), hsl(sea + 6, 72, 46), 'opacity=".88"') +
        stroke(crest(chance, line + 1.4), 'rgba(255,255,255,.75)', 1.3) +
        path(waveLine(chance, line + 9), hsl(sea + 10, 75, 40), 'opacity=".9"') +
        stroke(crest(chance, line + 12), 'rgba(255,255,255,.4)', 1),
    };
  },
};

export const desert: Scene = {
  name: 'desert',
  phrases: ['in the desert'],
  footing: 'stand',
  light: [1, 0.98, 0.94],
  draw(chance) {
    const sand = chance.between(28, 37);
    const sky = chance.pick([32, 40, 200]);
    return {
      back:
        backdrop(hsl(sky, 75, 74), hsl(sky + 4, 90, 88)) +
        sun(chance.between(14, 86), chance.between(10, 22), chance.between(6, 9)) +
        hill(chance, chance.between(42, 48), 6, hsl(sand + 2, 62, 70)) +
        many(chance.whole(1, 3), () =>
          cactus(
            chance.between(4, 96),
            chance.between(55, 62),
            chance.between(12, 20),
            hsl(chance.between(110, 140), 34, 42),
          ),
        ) +
        hill(chance, chance.between(56, 61), 5, hsl(sand, 68, 62)) +
        fade('dune', [hsl(sand - 2, 72, 58), hsl(sand - 4, 66, 50)]) +
        hill(chance, chance.between(70, 75), 5, 'url(#dune)') +
        many(4, () => {
          const y = chance.between(80, 97);
          return stroke(
            `M${n(chance.between(-5, 60))} ${n(y)} q12 -2.5 24 0 t24 0`,
            hsl(sand - 5, 58, 45),
            0.8,
            'opacity=".5"',
          );
        }),
    };
  },
};

export const underwater: Scene = {
  name: 'underwater',
  phrases: ['under the sea', 'under water'],
  footing: 'float',
  light: [0.93, 1, 1],
  draw(chance) {
    const blue = chance.between(184, 204);
    const weed = (): string => {
      const x = chance.between(2, 98);
      const height = chance.between(16, 40);
      const sway = chance.between(-6, 6);
      return stroke(
        `M${n(x)} 96 q${n(sway)} ${n(-height / 3)} 0 ${n((-height * 2) / 3)} t0 ${n(-height / 3)}`,
        hsl(chance.between(120, 160), 55, chance.between(30, 42)),
        chance.between(2, 3.4),
      );
    };
    return {
      back:
        backdrop(hsl(blue, 80, 66), hsl(blue + 8, 80, 48), hsl(blue + 14, 78, 36)) +
        many(3, (i) => {
          const x = 10 + i * 32 + chance.between(-8, 8);
          return polygon(
            [
              [x, -2],
              [x + 10, -2],
              [x + 22, 80],
              [x - 6, 80],
            ],
            'rgba(255,255,255,.1)',
          );
        }) +
        many(chance.whole(5, 8), weed) +
        hill(chance, 88, 3, hsl(42, 55, 72)) +
        many(chance.whole(2, 4), () => {
          const x = chance.between(4, 96);
          return coral(
            x,
            chance.between(91, 95),
            chance.between(7, 12),
            hsl(chance.pick([350, 18, 300, 45]), 75, 62),
          );
        }) +
        many(chance.whole(6, 11), () => {
          const r = chance.between(0.8, 2.4);
          return circle(
            chance.between(3, 97),
            chance.between(5, 80),
            r,
            'rgba(255,255,255,.25)',
            'stroke="#fff" stroke-opacity=".7" stroke-width=".5"',
          );
        }),
    };
  },
};

export const sunset: Scene = {
  name: 'sunset',
  phrases: ['at sunset', 'in the sunset'],
  footing: 'stand',
  light: [1, 0.93, 0.88],
  draw(chance) {
    const top = chance.between(258, 290);
    const horizon = chance.between(52, 60);
    const x = chance.between(22, 78);
    const r = chance.between(11, 16);
    return {
      back:
        backdrop(hsl(top, 45, 48), hsl(340, 72, 65), hsl(26, 95, 66), hsl(44, 96, 72)) +
        glow('halo', ['rgba(255,244,190,.9)', 'rgba(255,220,150,0)']) +
        circle(x, horizon - 2, r * 2.3, 'url(#halo)') +
        circle(x, horizon - 2, r, hsl(48, 100, 78)) +
        many(chance.whole(1, 3), () =>
          cloud(
            chance,
            chance.between(0, 100),
            chance.between(10, 32),
            chance.between(4, 8),
            hsl(345, 70, 76),
          ),
        ) +
        fade('sea', [hsl(16, 80, 58), hsl(300, 35, 38)]) +
        rect(-1, horizon, 102, 50, 'url(#sea)') +
        many(6, (i) =>
          rect(
            x - r + i * 1.6 + chance.between(-2, 2),
            horizon + 2 + i * 3.4,
            (r - i * 1.6) * 2,
            1.2,
            hsl(46, 98, 76),
            'rx=".6" opacity=".85"',
          ),
        ) +
        hill(chance, chance.between(78, 82), 2.5, hsl(top, 30, 27)),
    };
  },
};

function sun(x: number, y: number, r: number): string {
  return (
    glow('sun', ['rgba(255,246,190,.95)', 'rgba(255,240,170,0)']) +
    circle(x, y, r * 2, 'url(#sun)') +
    circle(x, y, r, '#ffe05c')
  );
}

/** Short light strokes between two heights, shorter and closer far away. */
function ripples(chance: Chance, top: number, bottom: number, count: number): string {
  return many(count, (i) => {
    const y = top + ((bottom - top) * (i + chance.unit())) / count;
    const length = 5 + (9 * (y - top)) / (bottom - top + 1);
    return stroke(
      `M${n(chance.between(-5, 95))} ${n(y)} q${n(length / 2)} -1.6 ${n(length)} 0`,
      '#fff',
      0.9,
      'opacity=".5"',
    );
  });
}

function waveLine(chance: Chance, y: number): string {
  return `${crest(chance, y)} V102 H-14 Z`;
}

function crest(chance: Chance, y: number): string {
  return `M${n(-14 + chance.between(0, 8))} ${n(y)} q6 -4 12 0 t12 0 t12 0 t12 0 t12 0 t12 0 t12 0 t12 0 t12 0 t12 0`;
}

function cactus(x: number, y: number, height: number, fill: string): string {
  const w = height * 0.22;
  return (
    rect(x - w / 2, y - height, w, height, fill, `rx="${n(w / 2)}"`) +
    stroke(`M${n(x)} ${n(y - height * 0.35)} h${n(height * 0.3)} v${n(-height * 0.25)}`, fill, w * 0.75) +
    stroke(`M${n(x)} ${n(y - height * 0.5)} h${n(-height * 0.28)} v${n(-height * 0.2)}`, fill, w * 0.75)
  );
}

function starfish(chance: Chance, x: number, y: number): string {
  const r = chance.between(2.4, 3.6);
  const turn = chance.between(0, Math.PI);
  const points = Array.from({ length: 10 }, (_, i): [number, number] => {
    const angle = turn + (i * Math.PI) / 5;
    const length = i % 2 === 0 ? r : r * 0.45;
    return [x + Math.sin(angle) * length, y - Math.cos(angle) * length * 0.75];
  });
  return polygon(points, hsl(chance.pick([8, 350, 24]), 78, 62));
}

function coral(x: number, y: number, height: number, colour: string): string {
  const up = height * 0.5;
  return (
    stroke(
      `M${n(x)} ${n(y)} v${n(-height)} M${n(x)} ${n(y - up * 0.6)} q${n(up)} 0 ${n(up)} ${n(-up)} M${n(x)} ${n(y - up * 0.4)} q${n(-up)} 0 ${n(-up)} ${n(-up)}`,
      colour,
      height * 0.2,
    ) + ellipse(x, y, height * 0.3, height * 0.1, colour)
  );
}
