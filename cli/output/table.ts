import { safe, widthOf } from './terminal.ts';

/**
 * Columns padded to their widest cell, two spaces apart, heads in capitals, as kubectl prints tables. Cells may come from
 * outside; a line break in one is a space.
 */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [
    heads.map((head) => head.toUpperCase()),
    ...rows.map((row) => row.map((cell) => safe(cell.replace(/[\t\r\n]+/g, ' ')))),
  ];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
