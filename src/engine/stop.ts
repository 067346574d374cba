import { formatDuration } from '../core/index.ts';
import { cancelledCondition, timeoutCondition } from './condition.ts';
import type { Draft } from './draft.ts';
import { isOver } from './known.ts';
import { failNode, skipGroup, skipNode, stopDag } from './nodes.ts';
import { groupAt, nodeAt } from './plan-index.ts';
import { SKIP, TASK } from './reasons.ts';
import { finish } from './schedule.ts';
import { awaitedNodes, groupDeadline } from './start.ts';
import type { RunState, Time } from './types.ts';

type Mode = NonNullable<RunState['cancel']>['mode'];

const SEVERITY: Record<Mode, number> = { StoppedRunFinally: 1, CancelledRunFinally: 2, Cancelled: 3 };

/** The user's wish to end the run. A harder wish replaces a softer one; a TaskRun knows only the hardest. */
export const cancelRun = (draft: Draft, wish: Mode): void => {
  const mode = draft.index.plan.kind === 'TaskRun' ? 'Cancelled' : wish;
  const { cancel } = draft.state;
  if (cancel !== null && SEVERITY[cancel.mode] >= SEVERITY[mode]) return;
  draft.set({ cancel: { mode, at: draft.at } });
  switch (mode) {
    case 'Cancelled':
      endAll(draft, cancelledNode, SKIP.stopping, cancelledCondition(draft.index));
      return;
    case 'CancelledRunFinally':
      if (draft.state.phase === 'finally') return;
      stopDag(draft);
      stopGroups(draft, false, cancelledNode, SKIP.cancelled);
      return;
    case 'StoppedRunFinally':
      stopDag(draft);
      return;
  }
};

/** Looks at every timeout, and says when to look again. */
export const checkTimeouts = (draft: Draft): void => {
  const { index, at } = draft;
  const { pipeline, tasks, finally: last } = index.timeouts;
  const { startedAt } = draft.state;
  if (startedAt === null || draft.state.phase === 'done') return;
  if (pipeline > 0 && at >= startedAt + pipeline) {
    draft.set({ timedOut: 'pipeline' });
    endAll(draft, timedOutNode, SKIP.pipelineTimeout, timeoutCondition(index, 'pipeline'));
    return;
  }
  if (tasks > 0 && draft.state.phase !== 'finally' && at >= startedAt + tasks && draft.state.open.dag > 0) {
    draft.set({ timedOut: 'tasks' });
    stopGroups(draft, false, timedOutNode, SKIP.tasksTimeout);
  }
  const { finallyAt } = draft.state;
  if (last > 0 && finallyAt !== null && at >= finallyAt + last) {
    draft.set({ timedOut: draft.state.timedOut ?? 'finally' });
    stopGroups(draft, true, timedOutNode, SKIP.finallyTimeout);
  }
  draft.state.groups.forEach((_, id) => {
    const deadline = groupDeadline(index, draft.state, id);
    if (deadline !== null && at >= deadline) timeOutGroup(draft, id);
  });
  const next = nextDeadline(draft);
  if (next !== null) draft.actions.push({ kind: 'wake', at: next });
};

/** The earliest time that a timeout of this state will be reached; null = none. */
export const nextDeadline = ({ index, state }: Pick<Draft, 'index' | 'state'>): Time | null => {
  const { pipeline, tasks, finally: last } = index.timeouts;
  const { startedAt, finallyAt, phase } = state;
  if (startedAt === null || phase === 'done') return null;
  const deadlines = [
    ...(pipeline > 0 ? [startedAt + pipeline] : []),
    ...(tasks > 0 && phase !== 'finally' ? [startedAt + tasks] : []),
    ...(last > 0 && finallyAt !== null ? [finallyAt + last] : []),
    ...state.groups.map((_, id) => groupDeadline(index, state, id)).filter((at) => at !== null),
  ];
  return deadlines.length === 0 ? null : Math.min(...deadlines);
};

/** How a node that had started ends when its pod is stopped from outside. */
type Stopped = (runName: string) => {
  readonly phase: 'failed' | 'cancelled';
  readonly reason: string;
  readonly message: string;
};

const cancelledNode: Stopped = (runName) => ({
  phase: 'cancelled',
  reason: TASK.cancelled,
  message: `TaskRun "${runName}" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled.`,
});

/** Tekton cancels the tasks of a run that timed out, and counts them as failed. */
const timedOutNode: Stopped = (runName) => ({
  phase: 'failed',
  reason: TASK.cancelled,
  message: `TaskRun "${runName}" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has timed out.`,
});

const endAll = (draft: Draft, how: Stopped, skip: string, condition: NonNullable<RunState['condition']>): void => {
  // A TaskRun's one task says what its run says.
  const { kind } = draft.index.plan;
  const ending: Stopped = kind === 'TaskRun' ? () => ({ ...how(''), ...condition }) : how;
  stopGroups(draft, false, ending, skip);
  stopGroups(draft, true, ending, skip);
  finish(draft, condition);
};

/** Stops the pods of the DAG or of `finally`; what had not started there is skipped. */
const stopGroups = (draft: Draft, last: boolean, how: Stopped, skip: string): void => {
  if (!last && draft.state.phase === 'running') draft.set({ phase: 'stopping' });
  draft.state.groups.forEach(({ phase, attempt }, id) => {
    if (draft.index.isFinally[id] !== last || phase === 'done') return;
    if (phase === 'waiting') {
      skipGroup(draft, id, skip);
      return;
    }
    for (const node of groupAt(draft.index, id).nodes) {
      const state = draft.node(node);
      if (isOver(state)) continue;
      if (state.startedAt === null) skipNode(draft, node, skip);
      else failNode(draft, node, { ...how(nodeAt(draft.index, node).runName), retry: false, reported: false });
    }
    draft.actions.push({ kind: 'stop', group: id, attempt, reason: skip });
  });
};

/** A task's own timeout, seen from outside its pod. */
const timeOutGroup = (draft: Draft, id: number): void => {
  const { attempt } = draft.group(id);
  draft.actions.push({ kind: 'stop', group: id, attempt, reason: TASK.timeout });
  draft.setGroup(id, { phase: 'waiting' });
  for (const node of awaitedNodes(draft.index, draft.state, id)) {
    const { runName, timeout } = nodeAt(draft.index, node);
    if (timeout === 0 || draft.at < (draft.group(id).startedAt ?? draft.at) + timeout) continue;
    failNode(draft, node, {
      reason: TASK.timeout,
      message: `TaskRun "${runName}" failed to finish within "${formatDuration(timeout)}"`,
      retry: true,
      reported: false,
    });
  }
  draft.ready.push(id);
};
