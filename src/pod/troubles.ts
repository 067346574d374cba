/** Since when the containers of one pod are in trouble, which its status does not say. Times are in milliseconds. */
export interface Troubles {
  /** When a container was first seen in trouble: now, or before. The whole pod is the container without a name. */
  since(container: string, now: number): number;
}

/** Remembers for one pod. */
export const troublesOf = (): Troubles => {
  const first = new Map<string, number>();
  return {
    since: (container, now) => {
      const known = first.get(container) ?? now;
      first.set(container, known);
      return known;
    },
  };
};
