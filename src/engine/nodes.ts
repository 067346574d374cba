import { successorsOf } from '../plan/index.ts';
import type { ParamValue } from '../tekton/index.ts';
import type { Draft } from './draft.ts';
import { pendingNode } from './initial.ts';
import { isOver } from './known.ts';
import { groupAt, nodeAt } from './plan-index.ts';
import { SKIP, TASK } from './reasons.ts';
import { startAttempt } from './start.ts';
import type { NodePhase, RunState, Time } from './types.ts';

/** A time that follows another one. Drivers and nodes have clocks of their own, which may differ. */
export const notBefore = (start: Time | null, at: Time): Time => Math.max(start ?? at, at);

/** How a node ended. */
export interface Ending {
  readonly phase: Exclude<NodePhase, 'pending' | 'running'>;
  readonly reason: string;
  readonly message: string;
  readonly results?: Readonly<Record<string, ParamValue>>;
}

export interface Failure extends Omit<Ending, 'phase'> {
  readonly phase?: 'failed' | 'cancelled';
  /** Whether the node's retries may be used. */
  readonly retry: boolean;
  /** Whether the agent reported it, with all its steps. */
  readonly reported: boolean;
}

/** Failures of a step: with `onError: continue` they become `FailureIgnored`. */
const STEP_REASONS: readonly string[] = ['StepFailed', 'StepOOM'];

/** Ends a node that is not over; its group ends with its last node, and groups that waited for that one become ready. */
export const endNode = (draft: Draft, id: number, { phase, reason, message, results = {} }: Ending): void => {
  const node = draft.node(id);
  if (isOver(node)) return;
  draft.setNode(id, { phase, reason, message, results, finishedAt: notBefore(node.startedAt, draft.at) });
  const { open } = draft.state;
  draft.set({
    open: nodeAt(draft.index, id).finally ? { ...open, finally: open.finally - 1 } : { ...open, dag: open.dag - 1 },
  });
  const group = draft.index.groupOf[id] as number;
  const left = draft.group(group).open - 1;
  draft.setGroup(group, { open: left });
  if (left > 0) return;
  draft.setGroup(group, { phase: 'done' });
  for (const next of successorsOf(draft.index.groups, group)) {
    const waits = draft.group(next).waits - 1;
    draft.setGroup(next, { waits });
    if (waits === 0) draft.ready.push(next);
  }
};

/** Skips a node that is not over. */
export const skipNode = (draft: Draft, id: number, reason: string): void =>
  endNode(draft, id, { phase: 'skipped', reason, message: '' });

/**
 * A node failed: it is tried again where it has retries, else it ends; a failure that is not to be ignored stops the
 * run.
 */
export const failNode = (draft: Draft, id: number, failure: Failure): void => failNodes(draft, [id], failure);

/** The same for nodes that failed together: the run stops when all have failed, or the first would skip the others. */
export const failNodes = (draft: Draft, ids: readonly number[], failure: Failure): void => {
  const stops = ids.filter((id) => fail(draft, id, failure));
  if (stops.length > 0) stopDag(draft);
};

/** Whether the failure stops the run. */
const fail = (draft: Draft, id: number, failure: Failure): boolean => {
  const node = draft.node(id);
  if (isOver(node)) return false;
  const { retries, onError, steps } = nodeAt(draft.index, id);
  const { phase = 'failed', message, results = {} } = failure;
  closeSteps(draft, id, failure);
  if (failure.retry && node.retries.length < retries) {
    const { startedAt, pod } = node;
    const attempt = {
      reason: failure.reason,
      message,
      startedAt,
      finishedAt: notBefore(startedAt, draft.at),
      pod: pod ?? '',
      results,
    };
    draft.setNode(id, {
      ...pendingNode(steps.length),
      retries: [...node.retries, { ...attempt, steps: draft.node(id).steps }],
    });
    startAttempt(draft, draft.index.groupOf[id] as number, { delay: 0, fresh: true });
    return false;
  }
  // A timeout or a cancelled task keeps its reason, as in Tekton; the run goes on all the same.
  const ignored = STEP_REASONS.includes(failure.reason) && onError === 'continue';
  endNode(draft, id, { phase, reason: ignored ? TASK.ignored : failure.reason, message, results });
  return onError === 'stopAndFail' && !nodeAt(draft.index, id).finally;
};

/** No new DAG task starts: those that have no pod are skipped, pods with tasks that have not started are drained. */
export const stopDag = (draft: Draft): void => {
  if (draft.state.phase !== 'running') return;
  draft.set({ phase: 'stopping' });
  draft.state.groups.forEach((group, id) => {
    if (draft.index.isFinally[id] || group.phase === 'done') return;
    if (group.phase === 'waiting') skipGroup(draft, id, stopReason(draft.state));
    else if (groupAt(draft.index, id).nodes.length > 1) {
      draft.actions.push({ kind: 'drain', group: id, attempt: group.attempt });
    }
  });
};

/** Skips all nodes of a group that are not over. */
export const skipGroup = (draft: Draft, group: number, reason: string): void => {
  for (const id of groupAt(draft.index, group).nodes) skipNode(draft, id, reason);
};

/** Why a task does not start once the run is stopping. */
export const stopReason = ({ cancel }: RunState): string => {
  switch (cancel?.mode) {
    case 'CancelledRunFinally':
      return SKIP.cancelled;
    case 'StoppedRunFinally':
      return SKIP.stopped;
    case 'Cancelled':
    case undefined:
      return SKIP.stopping;
  }
};

/** Steps that a task's end found running or waiting ended with it, as Tekton reports them. */
const closeSteps = (draft: Draft, id: number, { reason, reported }: Failure): void => {
  // The agent reports every step itself, and its closing snapshot what was lost on the way.
  if (reported) return;
  draft.node(id).steps.forEach(({ phase }, step) => {
    if (phase === 'finished') return;
    draft.setStep(id, step, { phase: 'finished', finishedAt: draft.at, exitCode: 1, reason });
  });
};
