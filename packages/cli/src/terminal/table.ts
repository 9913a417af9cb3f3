// Columns that line up.

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Rows of plain text as aligned lines; `style` dresses a padded cell, so that colours do not disturb the alignment. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: (text: string, column: number, isHead: boolean) => string = (text) => text,
): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[], isHead: boolean): string =>
    columns
      .map(({ align = 'left' }, index) => {
        const text = cells[index] ?? '';
        const width = widths[index] ?? 0;
        const isLast = index === columns.length - 1;
        const padded = align === 'right' ? text.padStart(width) : isLast ? text : text.padEnd(width);
        return style(padded, index, isHead);
      })
      .join('  ')
      .trimEnd();
  const head = columns.some(({ title }) => title !== '')
    ? [
        line(
          columns.map(({ title }) => title),
          true,
        ),
      ]
    : [];
  return [...head, ...rows.map((row) => line(row, false))].join('\n');
}
