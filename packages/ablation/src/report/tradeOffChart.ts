// Two objectives against each other: what is given up for what.
import { formatNumber } from '../statistics/wording.ts';
import { colourOf, LETTER_WIDTH, Plot, renderChart } from './chart.ts';
import type { Group } from './groups.ts';

/** Fidelity against drift, a file's size, or time. */
export interface TradeOff {
  readonly vertical: Objective;
  readonly horizontal: Objective;
  readonly points: readonly {
    readonly group: string;
    readonly x: number;
    readonly y: number;
    readonly isOnFront: boolean;
  }[];
}

export interface Objective {
  readonly name: string;
  readonly sense: 'max' | 'min';
}

/** Few short names stand beside their points; else numbers do, and a legend names them. */
export function isNamed(groups: readonly Group[]): boolean {
  return groups.length <= 5 && groups.every(({ label }) => label.length <= 20);
}

/** The front is drawn through what nothing else beats in both. */
export function tradeOffChart(
  { vertical, horizontal, points }: TradeOff,
  groups: readonly Group[],
  width: number,
): string {
  const indexOf = new Map(groups.map(({ label, index }) => [label, index]));
  const placed = points.map(({ group, x, y, isOnFront }) => {
    const colour = colourOf(indexOf.get(group) ?? 0);
    return {
      text: isNamed(groups) ? group : String((indexOf.get(group) ?? 0) + 1),
      x,
      y,
      colour,
      fill: isOnFront ? colour : 'var(--paper)',
      title:
        `${group}\n${vertical.name} ${formatNumber(y)}, ${horizontal.name} ${formatNumber(x)}\n` +
        (isOnFront ? 'on the front' : 'another is at least as good in both'),
    };
  });
  const xs = placed.map(({ x }) => x);
  const isLog = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 20;
  const front = points.filter(({ isOnFront }) => isOnFront).sort((a, b) => a.x - b.x || a.y - b.y);
  const good = ({ sense }: Objective): string => (sense === 'min' ? 'less is better' : 'more is better');
  const longest = Math.max(...placed.map(({ text }) => text.length));
  return renderChart(
    {
      width,
      height: 300,
      marginLeft: 56,
      marginBottom: 44,
      marginTop: 26,
      // Room for a label right of the rightmost point.
      marginRight: Math.min(24 + LETTER_WIDTH * longest, width / 3),
      style: { fontSize: '11px' },
      x: {
        type: isLog ? 'log' : 'linear',
        label: `${horizontal.name}${isLog ? ', logarithmic' : ''} (${good(horizontal)})`,
        labelAnchor: 'center',
        labelArrow: 'none',
        nice: true,
        ticks: isLog ? 4 : 5,
        ...(Math.max(...xs) >= 1000 ? { tickFormat: '~s' } : {}),
        grid: true,
      },
      y: {
        label: `${vertical.name} (${good(vertical)})`,
        labelArrow: 'none',
        nice: true,
        inset: 8,
        ticks: 5,
        grid: true,
      },
      marks: [
        Plot.line(front, { x: 'x', y: 'y', stroke: 'var(--muted)', strokeDasharray: '4,3' }),
        Plot.dot(placed, {
          x: 'x',
          y: 'y',
          r: 6,
          stroke: 'colour',
          strokeWidth: 2,
          fill: 'fill',
          title: 'title',
        }),
        Plot.text(placed, {
          x: 'x',
          y: 'y',
          text: 'text',
          dx: 11,
          textAnchor: 'start',
          fill: 'var(--ink)',
          stroke: 'var(--paper)',
          strokeWidth: 4,
        }),
      ],
    },
    `${vertical.name} against ${horizontal.name}`,
  );
}
