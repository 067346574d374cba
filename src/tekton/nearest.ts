/** The candidate that a misspelt word most likely means: at most two letters are wrong, or a third. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const limit = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
  const scored = candidates
    .map((candidate) => ({ candidate, distance: distanceOf(word.toLowerCase(), candidate.toLowerCase(), limit) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return scored[0]?.candidate;
};

/** `did you mean "x"?` as a hint, or no hint. */
export const didYouMean = (word: string, candidates: readonly string[]): { hint?: string } => {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? {} : { hint: `did you mean "${candidate}"?` };
};

/** Levenshtein distance; anything above `limit` may come out as `limit + 1`. */
const distanceOf = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
};
