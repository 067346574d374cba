import type { Grouping, PlanGroup } from './types.ts';

/** What grouping looks at. The index in the list is the node's id; needs are smaller ids. */
export interface GroupInput {
  readonly needs: readonly number[];
  readonly finally: boolean;
  /** Tasks share a pod only if this is equal: what a pod has once for all its containers. */
  readonly key: string;
  /** Why the task must have a pod of its own; empty = it may share. */
  readonly solo: readonly string[];
}

/**
 * Partitions nodes into pods. Groups are closed (all that a group needs from outside is done before its pod is
 * created) and, contracted to groups, the graph is acyclic: along every edge between groups the stage grows. `finally`
 * tasks come after all groups of the DAG. Group ids follow the stages, so needs are smaller ids.
 */
export const groupNodes = (nodes: readonly GroupInput[], grouping: Grouping): readonly PlanGroup[] => {
  const drafts = grouping === 'run' ? byStage(nodes) : nodes.map((_, id) => [id]);
  const groupOf = new Map(drafts.flatMap((ids, group) => ids.map((id) => [id, group] as const)));
  const dag = drafts.flatMap((ids, group) => (nodes[ids[0] as number]?.finally ? [] : [group]));
  return drafts.map((ids, id) => {
    const needs = ids.flatMap((node) => nodes[node]?.needs ?? []).map((need) => groupOf.get(need) as number);
    const isFinally = nodes[ids[0] as number]?.finally === true;
    const others = new Set(isFinally ? dag : needs.filter((group) => group !== id));
    return {
      id,
      nodes: ids,
      needs: [...others].sort((a, b) => a - b),
      reasons: reasonsFor(nodes, ids, grouping),
    };
  });
};

/**
 * Stage of a task: at least that of every need, and one more than a need that can't share its pod. Tasks of one stage
 * and key are one group. All edges inside a stage are inside a group, so edges between groups go up.
 */
const byStage = (nodes: readonly GroupInput[]): number[][] => {
  const stages: number[] = [];
  nodes.forEach((node, id) => {
    stages[id] = node.needs.reduce((least, need) => {
      const above = share(nodes[need] as GroupInput, node) ? 0 : 1;
      return Math.max(least, (stages[need] as number) + above);
    }, 0);
  });
  const last = nodes.reduce((most, node, id) => (node.finally ? most : Math.max(most, 1 + (stages[id] as number))), 0);
  const groups = new Map<string, { readonly stage: number; readonly ids: number[] }>();
  nodes.forEach((node, id) => {
    const stage = (stages[id] as number) + (node.finally ? last : 0);
    const place = node.solo.length > 0 ? `${stage} solo ${id}` : `${stage} ${node.finally} ${node.key}`;
    const group = groups.get(place);
    if (group) group.ids.push(id);
    else groups.set(place, { stage, ids: [id] });
  });
  return [...groups.values()]
    .sort((a, b) => a.stage - b.stage || (a.ids[0] as number) - (b.ids[0] as number))
    .map(({ ids }) => ids);
};

const share = (a: GroupInput, b: GroupInput): boolean =>
  a.solo.length === 0 && b.solo.length === 0 && a.key === b.key && a.finally === b.finally;

const reasonsFor = (nodes: readonly GroupInput[], ids: readonly number[], grouping: Grouping): readonly string[] => {
  switch (grouping) {
    case 'task':
      return ['one pod per task (--pods task)'];
    case 'auto':
      return ['one pod per task (--pods auto does not join tasks yet)'];
    case 'run': {
      const own = ids.flatMap((id) => nodes[id]?.solo ?? []);
      if (own.length > 0) return own;
      const isFinally = nodes[ids[0] as number]?.finally === true;
      return [
        ...(isFinally ? ['finally: starts when all other tasks are done'] : []),
        ids.length > 1
          ? `${ids.length} tasks share the pod's node, address, ports and service account (--pods run)`
          : 'no other task of its stage has the same service account and pod template',
      ];
    }
  }
};
