/**
 * A cycle of a graph, if there is one: indices of which each needs the next, and the last the first. `needs` holds for
 * each node the indices of those that must come before it. Cost is proportional to nodes and edges.
 */
export const findCycle = (needs: readonly (readonly number[])[]): readonly number[] | undefined => {
  const open = needs.map((list) => new Set(list).size);
  const followers = needs.map((): number[] => []);
  needs.forEach((list, node) => {
    for (const need of new Set(list)) followers[need]?.push(node);
  });
  const free = open.flatMap((count, node) => (count === 0 ? [node] : []));
  for (const node of free) {
    for (const follower of followers[node] ?? []) {
      open[follower] = (open[follower] as number) - 1;
      if (open[follower] === 0) free.push(follower);
    }
  }
  // Whoever still waits has a need that still waits: following those leads into a cycle.
  const start = open.findIndex((count) => count > 0);
  if (start < 0) return undefined;
  const trail: number[] = [];
  const seen = new Map<number, number>();
  for (let node = start; ; ) {
    const first = seen.get(node);
    if (first !== undefined) return trail.slice(first);
    seen.set(node, trail.length);
    trail.push(node);
    node = (needs[node] ?? []).find((need) => (open[need] as number) > 0) as number;
  }
};
