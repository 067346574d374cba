/** Columns padded to their widest cell, two spaces apart, heads in capitals, as kubectl prints tables. */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const all = [heads.map((head) => head.toUpperCase()), ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
