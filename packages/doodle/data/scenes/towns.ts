// Scenes that people built: city, road, room, kitchen, stage.
import {
  backdrop,
  circle,
  clouds,
  ellipse,
  fade,
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

export const city: Scene = {
  name: 'city',
  phrases: ['in the city', 'in town'],
  footing: 'stand',
  draw(chance) {
    const street = 74;
    const block = (x: number, width: number, top: number, wall: string, pane: string): string =>
      rect(x, top, width, street - top, wall) +
      many(Math.floor((street - top - 5) / 6.5), (row) =>
        many(Math.floor(width / 5.5), (column) =>
          rect(x + 2 + column * 5.2, top + 3.5 + row * 6.5, 2.9, 3.8, pane),
        ),
      );
    const row = (lowest: number, highest: number, lightness: number): string => {
      let x = chance.between(-8, 0);
      let drawn = '';
      while (x < 100) {
        const width = chance.between(14, 23);
        const hue = chance.pick([215, 230, 20, 260, 190, 35]);
        const wall = hsl(hue, 26, lightness + chance.between(-5, 5));
        drawn += block(x, width, chance.between(highest, lowest), wall, chance.pick(['#fff2b5', '#d6ecff']));
        x += width + chance.between(0, 2.5);
      }
      return drawn;
    };
    return {
      back:
        backdrop(hsl(206, 66, 74), hsl(200, 60, 90)) +
        clouds(chance, 2) +
        row(44, 20, 72) +
        row(62, 36, 52) +
        rect(-1, street, 102, 5, '#c9c6c8') +
        rect(-1, street + 5, 102, 30, '#5d5f6b') +
        many(5, (i) => rect(i * 24 + 3, street + 15, 13, 2, '#f3e9b0')),
    };
  },
};

export const road: Scene = {
  name: 'road',
  phrases: ['on the road', 'on a street'],
  footing: 'stand',
  draw(chance) {
    const vanish = chance.between(40, 60);
    const horizon = chance.between(42, 50);
    const green = chance.between(82, 112);
    const at = (depth: number, offset: number): [number, number] => [
      vanish + (50 + offset - vanish) * depth,
      horizon + (102 - horizon) * depth,
    ];
    return {
      back:
        backdrop(hsl(205, 76, 68), hsl(200, 80, 90)) +
        clouds(chance, 3) +
        hill(chance, horizon - 3, 3, hsl(green + 30, 30, 60)) +
        fade('verge', [hsl(green, 48, 60), hsl(green + 4, 50, 44)]) +
        rect(-1, horizon, 102, 60, 'url(#verge)') +
        polygon([at(0.02, -2), at(0.02, 2), at(1, 62), at(1, -62)], '#6c6e78') +
        polygon([at(0.02, -2), at(0.02, -1.9), at(1, -54), at(1, -60)], '#f5f5f0') +
        polygon([at(0.02, 1.9), at(0.02, 2), at(1, 60), at(1, 54)], '#f5f5f0') +
        many(5, (i) => {
          const near = 0.12 * 1.62 ** i;
          return polygon(
            [at(near, -2.6), at(near, 2.6), at(near * 1.28, 2.6), at(near * 1.28, -2.6)],
            '#f7dc6f',
          );
        }),
    };
  },
};

export const room: Scene = {
  name: 'room',
  phrases: ['in a room', 'in the living room'],
  footing: 'stand',
  draw(chance) {
    const hue = chance.pick([28, 48, 95, 165, 205, 340]);
    const floor = chance.between(66, 71);
    const striped = chance.happens(0.5);
    const left = chance.happens(0.5);
    return {
      back:
        backdrop(hsl(hue, 42, 86), hsl(hue, 40, 80)) +
        (striped ? many(10, (i) => rect(i * 10 + 2, -1, 4, 80, hsl(hue, 40, 76))) : '') +
        windowPane(left ? 8 : 62, 10) +
        frame(chance, left ? 68 : 10, chance.between(14, 20)) +
        rect(-1, floor - 4, 102, 4, hsl(hue, 22, 95)) +
        fade('floor', [hsl(26, 46, 52), hsl(24, 48, 42)]) +
        rect(-1, floor, 102, 40, 'url(#floor)') +
        many(4, (i) => stroke(`M-2 ${n(floor + 5 + i * 8)} h104`, hsl(24, 46, 36), 0.7)) +
        ellipse(50, 93, 42, 9, hsl(hue + 170, 46, 56)) +
        ellipse(50, 93, 34, 6.4, hsl(hue + 170, 46, 66)),
    };
  },
};

export const kitchen: Scene = {
  name: 'kitchen',
  phrases: ['in the kitchen', 'in a kitchen'],
  footing: 'stand',
  ground: [75, 78],
  draw(chance) {
    const hue = chance.pick([195, 165, 40, 350, 220]);
    const side = chance.between(11, 14);
    const counter = 72;
    return {
      back:
        rect(-1, -1, 102, 102, hsl(hue, 20, 92)) +
        many(7, (row) =>
          many(10, (column) =>
            rect(
              column * side + 0.5,
              row * side + 0.5,
              side - 1,
              side - 1,
              hsl(hue, chance.between(32, 44), chance.between(76, 84)),
              'rx="1"',
            ),
          ),
        ) +
        rect(6, 25, 88, 3, hsl(28, 42, 46), 'rx="1"') +
        many(4, (i) => {
          const x = 15 + i * 23 + chance.between(-4, 4);
          const colour = hsl(chance.whole(0, 11) * 30, 62, 60);
          return chance.happens(0.5)
            ? rect(x - 5, 14, 10, 11, colour, 'rx="2"') + stroke(`M${n(x + 5)} 17 q5 2.5 0 5`, colour, 1.6)
            : rect(x - 4, 11, 8, 14, colour, 'rx="2.5"') + rect(x - 4.4, 9, 8.8, 4, '#efe3cf', 'rx="1"');
        }) +
        rect(-1, counter, 102, 7, hsl(30, 24, 88)) +
        rect(-1, counter + 7, 102, 30, hsl(hue, 26, 56)) +
        stroke(`M33 ${String(counter + 7)} V102 M67 ${String(counter + 7)} V102`, hsl(hue, 26, 44), 0.9) +
        rect(-1, counter + 7, 102, 1.6, hsl(hue, 26, 44)),
    };
  },
};

export const stage: Scene = {
  name: 'stage',
  phrases: ['on a stage', 'on the stage'],
  footing: 'stand',
  draw(chance) {
    const red = chance.pick([352, 358, 330, 275]);
    return {
      back:
        backdrop(hsl(red - 40, 38, 22), hsl(red - 20, 36, 30)) +
        many(13, (i) => rect(i * 8.3 - 2, -1, 4.2, 76, hsl(red, 60, 30 + (i % 2) * 5))) +
        polygon(
          [
            [42, -2],
            [58, -2],
            [88, 92],
            [12, 92],
          ],
          'rgba(255,244,200,.35)',
        ) +
        fade('boards', [hsl(28, 52, 52), hsl(24, 54, 38)]) +
        rect(-1, 72, 102, 30, 'url(#boards)') +
        many(3, (i) => stroke(`M-2 ${n(79 + i * 8)} h104`, hsl(24, 50, 32), 0.8)) +
        ellipse(50, 88, 40, 9, 'rgba(255,244,190,.55)') +
        [-1, 1]
          .map((side) =>
            many(3, (i) => {
              const x = 50 + side * (50 - i * 5.4);
              return path(
                `M${n(x)} -2 q${n(-side * 5)} 40 ${n(side * 1.5)} 78 h${n(side * -5.5)} q${n(-side * 5)} -40 0 -78 Z`,
                hsl(red, 72, 50 - i * 5),
              );
            }),
          )
          .join('') +
        path(
          `M-2 -2 H102 V7 q-8.6 7 -17.3 0 t-17.3 0 t-17.3 0 t-17.3 0 t-17.3 0 t-17.3 0 Z`,
          hsl(red, 74, 44),
        ) +
        many(chance.whole(0, 6), () =>
          circle(chance.between(20, 80), chance.between(15, 60), 0.8, '#fff4c2'),
        ),
    };
  },
};

function windowPane(x: number, y: number): string {
  return (
    rect(x, y, 28, 32, '#fff', 'rx="1"') +
    fade('pane', ['#8fd0f5', '#dff3ff']) +
    rect(x + 2, y + 2, 24, 28, 'url(#pane)') +
    ellipse(x + 10, y + 28, 10, 5, '#8ccf7e') +
    rect(x + 2, y + 29, 24, 1.2, '#fff') +
    rect(x + 13, y + 2, 2, 28, '#fff') +
    rect(x + 2, y + 15, 24, 2, '#fff')
  );
}

function frame(chance: Chance, x: number, y: number): string {
  const hue = chance.between(0, 360);
  return (
    rect(x, y, 22, 18, '#8a5a38', 'rx="1"') +
    rect(x + 2, y + 2, 18, 14, hsl(hue, 52, 78)) +
    polygon(
      [
        [x + 2, y + 16],
        [x + 9, y + 7],
        [x + 14, y + 13],
        [x + 16, y + 10],
        [x + 20, y + 16],
      ],
      hsl(hue + 140, 40, 50),
    )
  );
}
