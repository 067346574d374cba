import { conditionOf, resultsOf } from './condition.ts';
import { decide } from './decide.ts';
import type { Draft } from './draft.ts';
import { isOver } from './known.ts';
import { failNode, notBefore, skipGroup, skipNode, stopReason } from './nodes.ts';
import { groupAt } from './plan-index.ts';
import { TASK } from './reasons.ts';
import { startAttempt } from './start.ts';
import type { RunState } from './types.ts';

/**
 * Draws the consequences of what an event changed: starts groups, decides nodes, goes on to `finally`, ends the run.
 * A work list instead of recursion, so that a long chain of skipped tasks costs no stack.
 */
export const settle = (draft: Draft): void => {
  if (draft.state.startedAt === null || draft.state.phase === 'done') return;
  for (;;) {
    for (let group = draft.ready.pop(); group !== undefined; group = draft.ready.pop()) consider(draft, group);
    const { open, phase } = draft.state;
    if (open.dag > 0) return;
    if (open.finally === 0) {
      finish(draft, conditionOf(draft.index, draft.state));
      return;
    }
    if (phase === 'finally') return;
    startFinally(draft);
  }
};

/** Ends the run with a condition. */
export const finish = (draft: Draft, condition: NonNullable<RunState['condition']>): void => {
  const { results, missing } = resultsOf(draft.index, draft.state);
  // A run that failed keeps its own reason, whatever its results lack.
  const final = condition.status === 'True' && missing !== null ? missing : condition;
  draft.set({ phase: 'done', finishedAt: notBefore(draft.state.startedAt, draft.at), condition: final, results });
  draft.actions.push({ kind: 'finish' });
};

/** Decides the nodes of a group that waits for nothing, and asks for its pod if one is left to run. */
const consider = (draft: Draft, id: number): void => {
  const { phase, waits } = draft.group(id);
  if (phase !== 'waiting' || waits > 0) return;
  const last = draft.index.isFinally[id] === true;
  if (last && draft.state.phase !== 'finally') return;
  if (!last && draft.state.phase !== 'running') {
    skipGroup(draft, id, stopReason(draft.state));
    return;
  }
  for (const node of groupAt(draft.index, id).nodes) {
    if (isOver(draft.node(node))) continue;
    const decision = decide(draft, node);
    if (decision.kind === 'skip') skipNode(draft, node, decision.reason);
    if (decision.kind === 'fail') {
      failNode(draft, node, { reason: TASK.badReference, message: decision.message, retry: false, reported: false });
    }
  }
  if (draft.group(id).open > 0) startAttempt(draft, id, { delay: 0, fresh: true });
};

const startFinally = (draft: Draft): void => {
  draft.set({ phase: 'finally', finallyAt: draft.at });
  const timeout = draft.index.timeouts.finally;
  if (timeout > 0) draft.actions.push({ kind: 'wake', at: draft.at + timeout });
  draft.index.isFinally.forEach((last, group) => {
    if (last) draft.ready.push(group);
  });
};
