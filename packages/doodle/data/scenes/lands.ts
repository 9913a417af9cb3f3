// Scenes with open ground and something far away: hills, mountains, a rainbow, a volcano.
import {
  backdrop,
  blossom,
  blueSky,
  circle,
  clouds,
  ellipse,
  fade,
  fir,
  glow,
  hill,
  hsl,
  many,
  n,
  path,
  polygon,
  tuft,
} from './ink.ts';
import type { Scene } from './scene.ts';

export const grass: Scene = {
  name: 'grass',
  phrases: ['on the grass', 'in the grass'],
  footing: 'stand',
  draw(chance) {
    const green = chance.between(92, 118);
    return {
      back:
        blueSky(chance) +
        clouds(chance, 3) +
        hill(chance, chance.between(46, 54), 5, hsl(green + 6, 52, 66)) +
        fade('lawn', [hsl(green, 56, 54), hsl(green + 4, 58, 42)]) +
        hill(chance, chance.between(58, 64), 4, 'url(#lawn)') +
        many(26, (i) =>
          tuft(
            chance,
            chance.between(0, 100),
            68 + i * 1.25,
            chance.between(3, 5),
            hsl(green + 4, 55, chance.between(32, 48)),
          ),
        ),
      front: many(7, () =>
        tuft(
          chance,
          chance.between(0, 100),
          101,
          chance.between(6, 9),
          hsl(green + 4, 58, chance.between(30, 42)),
        ),
      ),
    };
  },
};

export const snow: Scene = {
  name: 'snow',
  phrases: ['in the snow'],
  footing: 'stand',
  light: [0.97, 0.98, 1],
  draw(chance) {
    const sky = chance.between(205, 225);
    const ground = chance.between(58, 65);
    return {
      back:
        backdrop(hsl(sky, 48, 66), hsl(sky, 50, 82)) +
        hill(chance, ground - 10, 4, hsl(sky, 36, 86)) +
        many(chance.whole(3, 6), () =>
          fir(
            chance.between(2, 98),
            ground + chance.between(-3, 1),
            chance.between(16, 30),
            hsl(160, 32, chance.between(30, 40)),
            '#fff',
          ),
        ) +
        fade('snow', ['#ffffff', hsl(sky, 42, 88)]) +
        hill(chance, ground, 3, 'url(#snow)') +
        many(3, () =>
          ellipse(
            chance.between(0, 100),
            chance.between(76, 98),
            chance.between(8, 16),
            1.6,
            hsl(sky, 45, 84),
          ),
        ) +
        many(26, () =>
          circle(chance.between(0, 100), chance.between(0, 78), chance.between(0.6, 1.5), '#fff'),
        ),
      front: many(9, () =>
        circle(chance.between(0, 100), chance.between(0, 100), chance.between(0.9, 1.5), '#fff'),
      ),
    };
  },
};

export const mountains: Scene = {
  name: 'mountains',
  phrases: ['in the mountains', 'in front of mountains'],
  footing: 'stand',
  draw(chance) {
    const rock = chance.between(208, 250);
    const foot = chance.between(62, 68);
    const peak = (x: number, top: number, half: number, colour: string, shade: string): string => {
      const cap = (foot - top) * 0.3;
      const side = (half * 0.3) / 1;
      return (
        polygon(
          [
            [x, top],
            [x + half, foot + 4],
            [x - half, foot + 4],
          ],
          colour,
        ) +
        polygon(
          [
            [x, top],
            [x + half, foot + 4],
            [x + half * 0.12, foot + 4],
          ],
          shade,
        ) +
        polygon(
          [
            [x, top],
            [x + side, top + cap],
            [x + side * 0.45, top + cap * 0.78],
            [x, top + cap * 1.12],
            [x - side * 0.5, top + cap * 0.8],
            [x - side, top + cap],
          ],
          '#fff',
        )
      );
    };
    return {
      back:
        blueSky(chance) +
        clouds(chance, 2) +
        peak(chance.between(8, 26), chance.between(26, 36), 30, hsl(rock, 22, 66), hsl(rock, 24, 58)) +
        peak(chance.between(72, 94), chance.between(24, 34), 30, hsl(rock, 22, 62), hsl(rock, 24, 54)) +
        peak(chance.between(38, 62), chance.between(12, 22), 36, hsl(rock, 22, 54), hsl(rock, 24, 44)) +
        many(chance.whole(2, 5), () =>
          fir(chance.between(2, 98), foot + 5, chance.between(9, 15), hsl(145, 36, 34)),
        ) +
        fade('meadow', [hsl(100, 48, 56), hsl(108, 46, 42)]) +
        hill(chance, foot + 3, 3, 'url(#meadow)') +
        many(9, () => tuft(chance, chance.between(0, 100), chance.between(76, 99), 3.4, hsl(108, 48, 34))),
    };
  },
};

export const rainbow: Scene = {
  name: 'rainbow',
  phrases: ['under a rainbow'],
  footing: 'stand',
  draw(chance) {
    const x = chance.between(38, 62);
    const r = chance.between(42, 50);
    const bands = [0, 28, 52, 130, 210, 275];
    return {
      back:
        blueSky(chance) +
        bands
          .map((hue, i) =>
            circle(x, 66, r - i * 3.4, 'none', `stroke="${hsl(hue, 88, 64)}" stroke-width="3.6"`),
          )
          .join('') +
        clouds(chance, 2) +
        fade('hill', [hsl(100, 52, 60), hsl(112, 50, 44)]) +
        hill(chance, chance.between(64, 69), 4, 'url(#hill)') +
        many(12, () => blossom(chance.between(0, 100), chance.between(74, 99), 1.5, '#fff')),
    };
  },
};

export const volcano: Scene = {
  name: 'volcano',
  phrases: ['in front of a volcano'],
  footing: 'stand',
  light: [1, 0.95, 0.92],
  draw(chance) {
    const x = chance.between(36, 64);
    const top = chance.between(22, 28);
    return {
      back:
        backdrop(hsl(270, 28, 34), hsl(345, 42, 48), hsl(20, 75, 62)) +
        many(5, (i) =>
          circle(
            x + chance.between(-9, 9) + i * 2,
            14 - i * 3.4,
            chance.between(5, 8),
            hsl(280, 14, 44 + i * 4),
          ),
        ) +
        glow('fire', ['rgba(255,190,70,.95)', 'rgba(255,120,40,0)']) +
        circle(x, top, 16, 'url(#fire)') +
        polygon(
          [
            [x - 8, top],
            [x + 8, top],
            [x + 44, 76],
            [x - 44, 76],
          ],
          hsl(350, 22, 30),
        ) +
        path(
          `M${n(x - 8)} ${n(top)} h16 l3 8 q-3 10 4 22 l-6 0 q-4 -12 -5 -18 q-2 12 -2 26 l-5 0 q1 -16 -2 -24 q-3 6 -8 12 l-3 -2 q5 -10 5 -20 Z`,
          hsl(18, 100, 56),
        ) +
        ellipse(x, top, 8, 2, hsl(46, 100, 66)) +
        many(8, () =>
          circle(
            x + chance.between(-16, 16),
            chance.between(2, top + 2),
            chance.between(0.6, 1.3),
            hsl(40, 100, 66),
          ),
        ) +
        fade('ash', [hsl(345, 20, 34), hsl(340, 22, 22)]) +
        hill(chance, 72, 3, 'url(#ash)') +
        many(7, () =>
          ellipse(
            chance.between(0, 100),
            chance.between(80, 98),
            chance.between(2, 5),
            1.4,
            hsl(345, 18, 42),
          ),
        ),
    };
  },
};
