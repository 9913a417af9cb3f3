// Scenes where things grow: woods, parks, flowers, fields.
import {
  backdrop,
  blossom,
  blueSky,
  circle,
  clouds,
  ellipse,
  fade,
  fir,
  hill,
  hsl,
  leafyTree,
  many,
  n,
  path,
  polygon,
  rect,
  stroke,
  tuft,
} from './ink.ts';
import type { Chance } from '../chance.ts';
import type { Scene } from './scene.ts';

export const forest: Scene = {
  name: 'forest',
  phrases: ['in the forest', 'in the woods'],
  footing: 'stand',
  light: [0.95, 0.98, 0.93],
  draw(chance) {
    const green = chance.between(108, 145);
    const trunk = (far: number): string => {
      const x = chance.between(0, 100);
      const width = chance.between(3, 5) * (1.7 - far);
      return rect(x, -2, width, 74 - far * 12, hsl(26, 30, 26 + far * 20));
    };
    return {
      back:
        backdrop(hsl(green - 22, 48, 74), hsl(green - 12, 42, 62), hsl(green, 38, 50)) +
        many(5, () => trunk(0.8)) +
        many(9, () =>
          circle(
            chance.between(0, 100),
            chance.between(-4, 18),
            chance.between(9, 15),
            hsl(green, 40, chance.between(38, 46)),
          ),
        ) +
        many(3, () =>
          fir(chance.between(4, 96), 70, chance.between(30, 48), hsl(green + 16, 40, chance.between(28, 36))),
        ) +
        many(3, () => trunk(0.1)) +
        many(9, () =>
          circle(
            chance.between(0, 100),
            chance.between(-6, 6),
            chance.between(8, 14),
            hsl(green + 4, 44, chance.between(26, 36)),
          ),
        ) +
        fade('floor', [hsl(green - 18, 40, 38), hsl(green - 34, 36, 28)]) +
        hill(chance, chance.between(66, 71), 3, 'url(#floor)') +
        many(14, () =>
          tuft(
            chance,
            chance.between(0, 100),
            chance.between(74, 100),
            4,
            hsl(green, 44, chance.between(28, 40)),
          ),
        ) +
        many(chance.whole(0, 3), () => toadstool(chance.between(5, 95), chance.between(82, 95), 3)),
    };
  },
};

export const autumn: Scene = {
  name: 'autumn',
  phrases: ['in an autumn park', 'in autumn'],
  footing: 'stand',
  light: [1, 0.98, 0.94],
  draw(chance) {
    const leaf = (): string => hsl(chance.between(8, 48), 85, chance.between(50, 62));
    return {
      back:
        backdrop(hsl(42, 60, 86), hsl(36, 70, 92)) +
        hill(chance, 56, 4, hsl(34, 55, 74)) +
        many(chance.whole(3, 5), (i) =>
          leafyTree(
            10 + i * 22 + chance.between(-7, 7),
            68,
            chance.between(38, 58),
            leaf(),
            hsl(chance.between(8, 40), 80, 46),
          ),
        ) +
        fade('ground', [hsl(36, 62, 62), hsl(28, 58, 46)]) +
        hill(chance, 67, 2.5, 'url(#ground)') +
        many(34, () => fallen(chance, chance.between(0, 100), chance.between(70, 100), leaf())) +
        many(8, () => fallen(chance, chance.between(0, 100), chance.between(4, 66), leaf())),
    };
  },
};

export const flowers: Scene = {
  name: 'flowers',
  phrases: ['in a field of flowers', 'among flowers'],
  footing: 'stand',
  draw(chance) {
    const green = chance.between(100, 128);
    const palette = chance.pick([
      [338, 350],
      [48, 54],
      [275, 290],
      [0, 12],
      [338, 50, 280],
    ]);
    const head = (x: number, y: number, r: number): string =>
      stroke(`M${n(x)} ${n(y)} v${n(r * 2)}`, hsl(green, 50, 32), r * 0.3) +
      blossom(
        x,
        y,
        r,
        hsl(chance.pick(palette), 85, chance.between(64, 74)),
        chance.pick(['#fff3a8', '#ffffff', '#f6a623']),
      );
    return {
      back:
        blueSky(chance) +
        clouds(chance, 2) +
        hill(chance, 48, 4, hsl(green, 45, 62)) +
        fade('field', [hsl(green, 48, 54), hsl(green + 4, 50, 40)]) +
        hill(chance, 56, 3, 'url(#field)') +
        many(34, (i) => head(chance.between(-2, 102), 60 + i * 1.15, 1.6 + i * 0.075)),
      front: many(5, (i) =>
        head(i * 24 + chance.between(-5, 9), chance.between(93, 98), chance.between(4, 5)),
      ),
    };
  },
};

export const farm: Scene = {
  name: 'farm',
  phrases: ['on a farm', 'on the farm'],
  footing: 'stand',
  draw(chance) {
    const x = chance.between(6, 58);
    const barn = chance.pick([4, 8, 358]);
    const base = 62;
    return {
      back:
        blueSky(chance) +
        clouds(chance, 2) +
        hill(chance, 52, 4, hsl(88, 46, 68)) +
        polygon(
          [
            [x, base],
            [x, 40],
            [x + 6, 30],
            [x + 17, 23],
            [x + 28, 30],
            [x + 34, 40],
            [x + 34, base],
          ],
          hsl(barn, 62, 46),
        ) +
        stroke(
          `M${n(x - 2)} 41 L${n(x + 6)} 29.5 L${n(x + 17)} 22.5 L${n(x + 28)} 29.5 L${n(x + 36)} 41`,
          hsl(barn, 30, 30),
          2.4,
        ) +
        rect(x + 10, 44, 14, 18, hsl(barn, 50, 36), 'stroke="#fff" stroke-width="1.4"') +
        stroke(`M${n(x + 10)} 44 l14 18 m0 -18 l-14 18`, '#fff', 1.2) +
        rect(x + 14, 31, 6, 6, '#fff') +
        fade('field', [hsl(78, 50, 58), hsl(92, 48, 44)]) +
        hill(chance, 62, 1.5, 'url(#field)') +
        many(7, (i) => rect(i * 16 + chance.between(-1, 1), 58, 2.4, 12, '#f4efe4')) +
        rect(-1, 60.5, 102, 1.8, '#f4efe4') +
        rect(-1, 65, 102, 1.8, '#f4efe4') +
        many(16, () => tuft(chance, chance.between(0, 100), chance.between(75, 100), 4, hsl(92, 50, 36))),
    };
  },
};

function fallen(chance: Chance, x: number, y: number, colour: string): string {
  return ellipse(
    x,
    y,
    chance.between(1.4, 2.2),
    chance.between(0.8, 1.2),
    colour,
    `transform="rotate(${n(chance.between(-60, 60))} ${n(x)} ${n(y)})"`,
  );
}

function toadstool(x: number, y: number, size: number): string {
  return (
    rect(x - size * 0.2, y - size * 0.8, size * 0.4, size, '#f3ead8', 'rx=".4"') +
    path(
      `M${n(x - size * 0.7)} ${n(y - size * 0.7)} a${n(size * 0.7)} ${n(size * 0.65)} 0 0 1 ${n(size * 1.4)} 0 Z`,
      '#d8423c',
    )
  );
}
