// Scenes that are mostly sky: night, rain, clouds, space.
import {
  backdrop,
  circle,
  cloud,
  ellipse,
  fade,
  glow,
  hill,
  hsl,
  many,
  n,
  path,
  stroke,
  tuft,
} from './ink.ts';
import type { Scene } from './scene.ts';

export const night: Scene = {
  name: 'night',
  phrases: ['at night'],
  footing: 'stand',
  light: [0.86, 0.89, 1],
  draw(chance) {
    const hue = chance.between(222, 246);
    const x = chance.happens(0.5) ? chance.between(10, 30) : chance.between(70, 90);
    const y = chance.between(11, 22);
    const r = chance.between(6.5, 9);
    const crescent = chance.happens(0.5);
    return {
      back:
        backdrop(hsl(hue, 58, 17), hsl(hue, 52, 30), hsl(hue - 10, 48, 46)) +
        glow('moonlight', ['rgba(255,250,214,.55)', 'rgba(255,250,214,0)']) +
        circle(x, y, r * 2.6, 'url(#moonlight)') +
        circle(x, y, r, '#fff6cf') +
        (crescent
          ? circle(x + r * 0.5, y - r * 0.25, r * 0.85, hsl(hue, 54, 24))
          : circle(x - r * 0.3, y - r * 0.2, r * 0.22, '#eadfae') +
            circle(x + r * 0.3, y + r * 0.35, r * 0.16, '#eadfae')) +
        many(30, () =>
          circle(chance.between(0, 100), chance.between(0, 56), chance.between(0.4, 1), '#fff'),
        ) +
        hill(chance, 60, 5, hsl(hue - 18, 36, 36)) +
        fade('dark', [hsl(hue - 40, 30, 40), hsl(hue - 30, 34, 28)]) +
        hill(chance, 70, 4, 'url(#dark)') +
        many(10, () =>
          tuft(chance, chance.between(0, 100), chance.between(78, 100), 3.6, hsl(hue - 40, 32, 46)),
        ),
    };
  },
};

export const rain: Scene = {
  name: 'rain',
  phrases: ['in the rain'],
  footing: 'stand',
  light: [0.93, 0.95, 1],
  draw(chance) {
    const hue = chance.between(208, 224);
    const drop = (): string => {
      const x = chance.between(0, 104);
      const y = chance.between(16, 96);
      return `M${n(x)} ${n(y)} l-2 6`;
    };
    return {
      back:
        backdrop(hsl(hue, 26, 48), hsl(hue, 26, 64), hsl(hue, 26, 72)) +
        many(4, (i) =>
          cloud(
            chance,
            6 + i * 28 + chance.between(-6, 6),
            chance.between(6, 13),
            chance.between(9, 13),
            hsl(hue, 18, chance.between(72, 84)),
          ),
        ) +
        hill(chance, 62, 3, hsl(hue - 50, 22, 50)) +
        hill(chance, 70, 2, hsl(hue - 6, 16, 42)) +
        many(4, () => {
          const x = chance.between(8, 92);
          const y = chance.between(78, 97);
          return (
            ellipse(x, y, chance.between(8, 15), 2.4, hsl(hue, 36, 66)) +
            ellipse(x, y, 4, 0.9, hsl(hue, 40, 78))
          );
        }) +
        stroke(Array.from({ length: 34 }, drop).join(' '), '#dcecff', 0.9, 'opacity=".9"'),
      front: stroke(Array.from({ length: 9 }, drop).join(' '), '#e8f3ff', 1, 'opacity=".9"'),
    };
  },
};

export const sky: Scene = {
  name: 'clouds',
  phrases: ['in the clouds', 'in the sky'],
  footing: 'float',
  draw(chance) {
    const hue = chance.between(198, 216);
    return {
      back:
        backdrop(hsl(hue, 76, 58), hsl(hue, 80, 74), hsl(hue, 84, 86)) +
        many(chance.whole(4, 6), () =>
          cloud(chance, chance.between(0, 100), chance.between(12, 80), chance.between(6, 12)),
        ) +
        many(6, (i) =>
          circle(i * 20 + chance.between(-4, 4), chance.between(96, 104), chance.between(12, 17), '#fff'),
        ),
    };
  },
};

export const space: Scene = {
  name: 'space',
  phrases: ['in space', 'in outer space'],
  footing: 'float',
  draw(chance) {
    const hue = chance.between(236, 276);
    const x = chance.happens(0.5) ? chance.between(8, 24) : chance.between(76, 92);
    const y = chance.happens(0.5) ? chance.between(12, 26) : chance.between(74, 88);
    const r = chance.between(9, 15);
    const planet = chance.pick([18, 36, 195, 330, 150]);
    const nebula = chance.pick([300, 200, 330]);
    return {
      back:
        backdrop(hsl(hue, 52, 11), hsl(hue, 48, 17), hsl(hue + 12, 46, 13)) +
        glow('nebula', [
          `hsla(${n(Math.round(nebula))},70%,55%,.45)`,
          `hsla(${n(Math.round(nebula))},70%,45%,0)`,
        ]) +
        ellipse(
          chance.between(25, 75),
          chance.between(25, 75),
          chance.between(36, 52),
          chance.between(22, 34),
          'url(#nebula)',
        ) +
        many(44, () =>
          circle(
            chance.between(0, 100),
            chance.between(0, 100),
            chance.between(0.35, 1),
            chance.pick(['#fff', '#fff', '#ffe9b8', '#cfe4ff']),
          ),
        ) +
        circle(x, y, r, hsl(planet, 62, 58)) +
        path(
          `M${n(x - r)} ${n(y)} q${n(r)} ${n(r * 0.6)} ${n(r * 2)} 0 a${n(r)} ${n(r)} 0 0 1 ${n(-r * 2)} 0 Z`,
          hsl(planet, 58, 48),
        ) +
        circle(x - r * 0.3, y - r * 0.4, r * 0.2, hsl(planet, 66, 70)) +
        (chance.happens(0.6)
          ? ellipse(
              x,
              y,
              r * 1.6,
              r * 0.36,
              'none',
              `stroke="${hsl(planet + 30, 60, 76)}" stroke-width="1.6" transform="rotate(-18 ${n(x)} ${n(y)})"`,
            )
          : ''),
    };
  },
};
