/** Numbers `from` to `to`, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Most ranges that are kept apart; beyond that the oldest two are taken together, and lines between are read again. */
const MAX_RANGES = 1024;

/** Which numbers of a sequence from 1 were not seen though a higher one was. */
export interface Missing {
  /** Whether a number was seen. */
  seen(n: number): boolean;
  /** Counts a number as seen. */
  see(n: number): void;
  /** Counts numbers as not seen. */
  forget(from: number, count: number): void;
  /** The lowest missing numbers; null without any. */
  first(): Range | null;
}

export const missingNumbers = (): Missing => {
  let last = 0;
  /** Sorted and apart. */
  let ranges: Range[] = [];

  const seen = (n: number): boolean => n <= last && !ranges.some(({ from, to }) => from <= n && n <= to);

  const cap = (): void => {
    const [a, b] = ranges;
    if (ranges.length > MAX_RANGES && a !== undefined && b !== undefined)
      ranges = [{ from: a.from, to: b.to }, ...ranges.slice(2)];
  };

  return {
    seen,
    see(n) {
      if (n > last) {
        if (n > last + 1) ranges.push({ from: last + 1, to: n - 1 });
        last = n;
      } else {
        ranges = ranges.flatMap(({ from, to }) => {
          if (n < from || n > to) return [{ from, to }];
          return [
            { from, to: n - 1 },
            { from: n + 1, to },
          ].filter((range) => range.from <= range.to);
        });
      }
      cap();
    },
    forget(from, count) {
      const to = Math.min(from + count - 1, last);
      if (from > to) return;
      ranges = merge([...ranges, { from, to }]);
      cap();
    },
    first: () => ranges[0] ?? null,
  };
};

/** Sorted ranges that neither overlap nor touch. */
const merge = (ranges: readonly Range[]): Range[] => {
  const merged: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const top = merged.at(-1);
    if (top === undefined || range.from > top.to + 1) merged.push(range);
    else merged[merged.length - 1] = { from: top.from, to: Math.max(top.to, range.to) };
  }
  return merged;
};
