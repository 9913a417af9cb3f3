// Scenes that are mostly one surface: walls, tables, cloths, shelves, patterns.
import { backdrop, circle, ellipse, fade, hsl, many, n, path, polygon, rect, stroke } from './ink.ts';
import type { Scene } from './scene.ts';

export const brickWall: Scene = {
  name: 'brick wall',
  phrases: ['in front of a brick wall'],
  footing: 'lean',
  draw(chance) {
    const hue = chance.between(6, 20);
    const height = chance.between(9.5, 12);
    const width = height * 2.1;
    const offset = chance.between(-10, 0);
    return {
      back:
        rect(-1, -1, 102, 102, hsl(hue + 14, 18, 78)) +
        many(Math.ceil(102 / height), (row) =>
          many(Math.ceil(120 / width) + 1, (column) =>
            rect(
              offset + column * width - (row % 2) * (width / 2),
              row * height + 0.6,
              width - 1.3,
              height - 1.3,
              hsl(hue + chance.between(-4, 4), chance.between(46, 60), chance.between(42, 52)),
              'rx=".8"',
            ),
          ),
        ),
    };
  },
};

export const woodenTable: Scene = {
  name: 'wooden table',
  phrases: ['on a wooden table', 'on the table'],
  footing: 'stand',
  ground: [78, 88],
  draw(chance) {
    const wall = chance.pick([200, 40, 160, 15, 265]);
    const hue = chance.between(22, 32);
    const edge = chance.between(46, 54);
    const light = chance.between(0, 10);
    const front = 93;
    const grain = (y: number): string =>
      stroke(
        `M${n(chance.between(-10, 60))} ${n(y)} q${n(chance.between(12, 20))} ${n(chance.between(-1.4, 1.4))} ${n(chance.between(28, 46))} 0`,
        hsl(hue, 50, 36 + light),
        0.8,
        'opacity=".7"',
      );
    return {
      back:
        backdrop(hsl(wall, 30, 84), hsl(wall, 28, 74)) +
        fade('table', [hsl(hue, 50, 56 + light), hsl(hue - 2, 52, 44 + light)]) +
        rect(-1, edge, 102, front - edge, 'url(#table)') +
        many(4, (i) =>
          stroke(`M-2 ${n(edge + 6 + i * i * 2.1 + i * 5)} h104`, hsl(hue - 2, 50, 32 + light), 1),
        ) +
        many(12, (i) => grain(edge + 3 + i * ((front - edge - 5) / 12))) +
        rect(-1, edge - 0.6, 102, 1.4, hsl(hue, 46, 68 + light)) +
        rect(-1, front, 102, 10, hsl(hue - 4, 52, 31 + light)),
    };
  },
};

export const tablecloth: Scene = {
  name: 'checkered tablecloth',
  phrases: ['on a checkered tablecloth'],
  footing: 'lean',
  draw(chance) {
    const hue = chance.pick([354, 354, 212, 130, 40]);
    const side = chance.between(11, 16);
    const shift = chance.between(-side, 0);
    const band = `fill-opacity=".55"`;
    const colour = hsl(hue, 76, 52);
    const count = Math.ceil(120 / (side * 2)) + 1;
    return {
      back:
        rect(-1, -1, 102, 102, '#fffaf3') +
        many(count, (i) => rect(shift + i * side * 2, -1, side, 102, colour, band)) +
        many(count, (i) => rect(-1, shift + i * side * 2, 102, side, colour, band)),
    };
  },
};

export const bookshelf: Scene = {
  name: 'bookshelf',
  phrases: ['in front of a bookshelf', 'in a library'],
  footing: 'lean',
  draw(chance) {
    const wood = chance.between(20, 32);
    const shelf = (bottom: number): string => {
      let x = chance.between(1, 4);
      let books = '';
      while (x < 96) {
        const width = chance.between(4.5, 7.5);
        const height = chance.between(19, 26);
        const colour = hsl(
          chance.pick([0, 20, 45, 95, 160, 200, 220, 280, 340]),
          chance.between(42, 62),
          chance.between(42, 60),
        );
        books +=
          rect(x, bottom - height, width - 0.5, height, colour, 'rx=".6"') +
          rect(x + 1, bottom - height + 4, width - 2.5, 1.6, '#f6e9c8');
        x += chance.happens(0.12) ? width + 5 : width;
      }
      return (
        books +
        rect(-1, bottom, 102, 4, hsl(wood, 48, 46)) +
        rect(-1, bottom + 3, 102, 1.2, hsl(wood, 48, 32))
      );
    };
    const first = chance.between(26, 30);
    return {
      back: rect(-1, -1, 102, 102, hsl(wood, 44, 24)) + [0, 1, 2].map((i) => shelf(first + i * 33)).join(''),
    };
  },
};

export const party: Scene = {
  name: 'party',
  phrases: ['at a party', 'at a birthday party'],
  footing: 'stand',
  draw(chance) {
    const hue = chance.pick([45, 190, 330, 270]);
    const bright = (): string => hsl(chance.pick([0, 32, 50, 130, 200, 285, 330]), 82, 62);
    const flag = (i: number): string => {
      const x = 6 + i * 13;
      const y = 6 + Math.round((16 - ((i - 3.5) * (i - 3.5) * 16) / 12.25) * 0.6);
      return polygon(
        [
          [x - 4.5, y],
          [x + 4.5, y],
          [x, y + 9],
        ],
        bright(),
      );
    };
    const balloon = (x: number, y: number): string =>
      stroke(`M${n(x)} ${n(y + 8)} q2 10 -1 20`, 'rgba(90,90,110,.7)', 0.6) +
      ellipse(x, y, 6.4, 8, bright()) +
      ellipse(x - 2.2, y - 3, 1.3, 2.2, 'rgba(255,255,255,.7)');
    return {
      back:
        backdrop(hsl(hue, 62, 90), hsl(hue, 58, 82)) +
        stroke('M-2 5 Q50 24 102 5', '#7c7c8c', 0.8) +
        many(8, flag) +
        balloon(chance.between(7, 15), chance.between(30, 42)) +
        balloon(chance.between(86, 93), chance.between(30, 42)) +
        balloon(
          chance.happens(0.5) ? chance.between(20, 26) : chance.between(74, 80),
          chance.between(26, 32),
        ) +
        rect(-1, 74, 102, 30, hsl(hue + 20, 44, 68)) +
        rect(-1, 74, 102, 2, hsl(hue + 20, 44, 58)) +
        many(34, () => {
          const x = chance.between(0, 100);
          const y = chance.between(18, 98);
          return rect(
            x,
            y,
            2,
            1.2,
            bright(),
            `transform="rotate(${n(chance.between(0, 180))} ${n(x)} ${n(y)})"`,
          );
        }),
    };
  },
};

export const polkaDots: Scene = {
  name: 'polka dots',
  phrases: ['on a polka dot background'],
  footing: 'lean',
  draw(chance) {
    const hue = chance.whole(0, 11) * 30;
    const step = chance.between(15, 21);
    const inverted = chance.happens(0.5);
    const ground = inverted ? '#fffdf8' : hsl(hue, 62, 68);
    const dot = inverted ? hsl(hue, 70, 64) : '#fffdf8';
    const x0 = chance.between(-step, 0);
    const y0 = chance.between(-step, 0);
    const count = Math.ceil(125 / step);
    return {
      back:
        rect(-1, -1, 102, 102, ground) +
        many(count * 2, (row) =>
          many(count, (column) =>
            circle(x0 + (column + (row % 2) / 2) * step, y0 + (row * step) / 2, step * 0.2, dot),
          ),
        ),
    };
  },
};

export const stripes: Scene = {
  name: 'stripes',
  phrases: ['on a striped background'],
  footing: 'lean',
  draw(chance) {
    const hue = chance.whole(0, 11) * 30;
    const width = chance.between(8, 13);
    const angle = chance.pick([0, 45, 90, 135]);
    const shift = chance.between(0, width * 2);
    return {
      back:
        rect(-1, -1, 102, 102, hsl(hue, 70, 88)) +
        `<g transform="rotate(${String(angle)} 50 50)">${many(Math.ceil(190 / (width * 2)), (i) => rect(-40 - shift + i * width * 2, -40, width, 180, hsl(hue, 62, 66)))}</g>`,
    };
  },
};

export const carpet: Scene = {
  name: 'carpet',
  phrases: ['on a carpet', 'on a rug'],
  footing: 'lean',
  draw(chance) {
    const hue = chance.pick([350, 215, 160, 275, 20]);
    const border = (inset: number, colour: string): string =>
      rect(inset, inset, 100 - inset * 2, 100 - inset * 2, colour, 'rx="2"');
    const diamond = (x: number, y: number, r: number, colour: string): string =>
      polygon(
        [
          [x, y - r],
          [x + r, y],
          [x, y + r],
          [x - r, y],
        ],
        colour,
      );
    return {
      back:
        rect(-1, -1, 102, 102, hsl(28, 44, 48)) +
        border(2, hsl(hue, 52, 40)) +
        border(6, hsl(44, 66, 78)) +
        border(9, hsl(hue, 48, 52)) +
        many(
          8,
          (i) =>
            diamond(13 + i * 10.6, 14.5, 3, hsl(44, 70, 76)) +
            diamond(13 + i * 10.6, 85.5, 3, hsl(44, 70, 76)),
        ) +
        many(
          6,
          (i) =>
            diamond(14.5, 23.5 + i * 10.6, 3, hsl(44, 70, 76)) +
            diamond(85.5, 23.5 + i * 10.6, 3, hsl(44, 70, 76)),
        ) +
        ellipse(50, 50, chance.between(26, 30), chance.between(26, 30), hsl(hue, 52, 42)) +
        path('M50 28 Q56 44 72 50 Q56 56 50 72 Q44 56 28 50 Q44 44 50 28 Z', hsl(44, 66, 72)),
    };
  },
};
