interface Needing {
  readonly id: number;
  /** Ids of other tasks; those that are not among the given ones are done already. */
  readonly needs: readonly number[];
}

/**
 * The most tasks that can run at the same time: the largest set of which none has to wait for another. By Dilworth's theorem
 * that is how many chains it takes to hold them all, which a matching of each task with one that comes later gives.
 * https://en.wikipedia.org/wiki/Dilworth%27s_theorem
 */
export const tasksAtOnce = (tasks: readonly Needing[]): number => {
  const before = new Map<number, Set<number>>();
  for (const { id, needs } of tasks) {
    const all = needs.flatMap((need) => [need, ...(before.get(need) ?? [])]);
    before.set(id, new Set(all));
  }
  const after = new Map<number, number>();
  const match = (id: number, seen: Set<number>): boolean => {
    for (const earlier of before.get(id) ?? []) {
      if (!before.has(earlier) || seen.has(earlier)) continue;
      seen.add(earlier);
      const taken = after.get(earlier);
      if (taken !== undefined && !match(taken, seen)) continue;
      after.set(earlier, id);
      return true;
    }
    return false;
  };
  const matched = tasks.filter(({ id }) => match(id, new Set())).length;
  return Math.max(1, tasks.length - matched);
};
