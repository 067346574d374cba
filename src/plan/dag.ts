/**
 * Who comes after whom, in compressed sparse rows: the successors of node `n` are
 * `targets[offsets[n]] … targets[offsets[n + 1] - 1]`, ascending. Finishing a node costs as much as it has successors.
 */
export interface Graph {
  readonly size: number;
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
  /** How many nodes must be done before each node. */
  readonly indegrees: Uint32Array;
}

/** The graph of `needs[n]` = the nodes that come before `n`; an edge named twice counts once. */
export const graphOf = (needs: readonly (readonly number[])[]): Graph => {
  const before = needs.map((ids) => [...new Set(ids)]);
  const offsets = new Uint32Array(needs.length + 1);
  for (const ids of before) for (const id of ids) offsets[id + 1] = (offsets[id + 1] as number) + 1;
  for (let node = 0; node < needs.length; node += 1) {
    offsets[node + 1] = (offsets[node + 1] as number) + (offsets[node] as number);
  }
  const targets = new Uint32Array(offsets[needs.length] as number);
  const next = offsets.slice();
  before.forEach((ids, node) => {
    for (const id of ids) {
      const place = next[id] as number;
      targets[place] = node;
      next[id] = place + 1;
    }
  });
  return { size: needs.length, offsets, targets, indegrees: Uint32Array.from(before, (ids) => ids.length) };
};

/** The nodes that need `node`, ascending: a view, not a copy. */
export const successorsOf = ({ offsets, targets }: Graph, node: number): Uint32Array =>
  targets.subarray(offsets[node] as number, offsets[node + 1] as number);

/** An order in which every node comes after its needs, or a cycle: each node needs the next one, the last the first. */
export type Order =
  | { readonly order: readonly number[]; readonly cycle?: never }
  | { readonly cycle: readonly number[]; readonly order?: never };

/**
 * Orders nodes so that each comes after its needs. Nodes already in such an order keep it. The walk keeps its own
 * stack, so a chain may be as long as it likes.
 */
export const sortTopologically = (needs: readonly (readonly number[])[]): Order => {
  const order: number[] = [];
  const state = new Uint8Array(needs.length);
  for (let root = 0; root < needs.length; root += 1) {
    if (state[root] !== NEW) continue;
    const path = [{ node: root, next: 0 }];
    state[root] = OPEN;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const before = needs[top.node]?.[top.next];
      top.next += 1;
      if (before === undefined) {
        state[top.node] = DONE;
        order.push(top.node);
        path.pop();
      } else if (state[before] === OPEN) {
        return { cycle: path.slice(path.findIndex(({ node }) => node === before)).map(({ node }) => node) };
      } else if (state[before] === NEW) {
        state[before] = OPEN;
        path.push({ node: before, next: 0 });
      }
    }
  }
  return { order };
};

const NEW = 0;
const OPEN = 1;
const DONE = 2;
