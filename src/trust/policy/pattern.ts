/**
 * Whether a name (`HOST/REPO` or `oci:DIR`, as written) fits a pattern as a whole. In a part between slashes `*` stands
 * for any characters and `?` for one; a part `**` stands for any number of parts, also none. Case counts.
 */
export const matches = (pattern: string, name: string): boolean =>
  glob(pattern.split('/'), name.split('/'), '**', (part, text) =>
    glob([...part], [...text], '*', (wanted, character) => wanted === '?' || wanted === character),
  );

/** What is wrong with a pattern, in words; undefined where nothing is. */
export const patternProblem = (pattern: string): string | undefined => {
  if (/[\s@#]/.test(pattern)) return 'a pattern names a repository: no digest, no object, no white space';
  if (pattern.split('/').some((part) => part.includes('**') && part !== '**'))
    return '"**" must stand alone in its part';
  if (pattern.split('/').includes('')) return 'a part between slashes is empty';
  const last = pattern.slice(pattern.lastIndexOf('/') + 1);
  if (pattern.includes('/') && last.includes(':')) return 'a pattern names a repository, not a tag';
  return undefined;
};

/** Greedy matching that steps back to the last star only: at most pattern × items steps, whatever the pattern. */
const glob = (
  pattern: readonly string[],
  items: readonly string[],
  star: string,
  fits: (wanted: string, item: string) => boolean,
): boolean => {
  let at = 0;
  let item = 0;
  let lastStar = -1;
  let restart = 0;
  while (item < items.length) {
    const wanted = pattern[at];
    if (wanted === star) {
      lastStar = at;
      at += 1;
      restart = item;
    } else if (wanted !== undefined && fits(wanted, items[item] as string)) {
      at += 1;
      item += 1;
    } else if (lastStar >= 0) {
      at = lastStar + 1;
      restart += 1;
      item = restart;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every((wanted) => wanted === star);
};
