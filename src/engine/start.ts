import type { Draft } from './draft.ts';
import { isOver } from './known.ts';
import { groupAt, nodeAt, type PlanIndex } from './plan-index.ts';
import type { RunState, Time } from './types.ts';

/** Longest number of pods that are tried for a group while the infrastructure loses them. */
export const MAX_PODS = 3;
/** Milliseconds before the pod that follows the n-th loss in a row. */
const BACK_OFF = [1000, 4000];

/** Back-off before the next pod after so many losses in a row. */
export const delayAfter = (lost: number): number => BACK_OFF[Math.min(lost, BACK_OFF.length) - 1] ?? 0;

/** Asks for a group's next pod. `fresh`: the clock of its timeout starts now. */
export const startAttempt = (
  draft: Draft,
  id: number,
  { delay, fresh }: { readonly delay: number; readonly fresh: boolean },
): void => {
  const group = draft.group(id);
  const attempt = group.attempt + 1;
  const startedAt = fresh ? draft.at : (group.startedAt ?? draft.at);
  draft.setGroup(id, { phase: 'starting', attempt, startedAt, pod: null, lost: fresh ? 0 : group.lost });
  const { nodes } = groupAt(draft.index, id);
  for (const node of nodes) {
    if (isOver(draft.node(node))) continue;
    // A task alone in its pod starts when its pod is asked for, as a TaskRun does; others when the agent says so.
    draft.setNode(node, { pod: null, ...(nodes.length === 1 ? { startedAt } : {}) });
  }
  draft.actions.push({ kind: 'start', group: id, attempt, delay });
  const deadline = groupDeadline(draft.index, draft.state, id);
  if (deadline !== null) draft.actions.push({ kind: 'wake', at: deadline });
};

/**
 * When a group's pod is stopped for a task's timeout; null = never. A task alone in its pod is timed from the moment
 * the pod was asked for. Where tasks share a pod the agent times each, and the engine only the wait for the first to start: for those
 * whose turn it is by then.
 */
export const groupDeadline = (index: PlanIndex, state: RunState, id: number): Time | null => {
  const group = state.groups[id];
  if (group === undefined || group.startedAt === null || group.phase === 'waiting' || group.phase === 'done')
    return null;
  const { nodes } = groupAt(index, id);
  if (nodes.length > 1 && nodes.some((node) => hasStarted(state, id, node))) return null;
  const timeouts = awaitedNodes(index, state, id)
    .map((node) => nodeAt(index, node).timeout)
    .filter((timeout) => timeout > 0);
  return timeouts.length === 0 ? null : group.startedAt + Math.min(...timeouts);
};

/** The open tasks of a group whose turn it is when its pod starts: those that wait for another one are not timed yet. */
export const awaitedNodes = (index: PlanIndex, state: RunState, id: number): readonly number[] => {
  const open = groupAt(index, id).nodes.filter((node) => {
    const known = state.nodes[node];
    return known !== undefined && !isOver(known);
  });
  return open.filter((node) => !nodeAt(index, node).needs.some((need) => open.includes(need)));
};

const hasStarted = (state: RunState, group: number, node: number): boolean => {
  const { startedAt } = state.nodes[node] ?? { startedAt: null };
  const since = state.groups[group]?.startedAt ?? null;
  return startedAt !== null && since !== null && startedAt >= since;
};
