import { completeValue, conditionHolds, isMissing } from '../plan/index.ts';
import type { Draft } from './draft.ts';
import { isOver, knownOf } from './known.ts';
import { nodeAt } from './plan-index.ts';
import { SKIP } from './reasons.ts';

/** What is to be done with a node whose group could start. `run` includes that the agent decides in the pod. */
export type Decision =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'fail'; readonly message: string };

const RUN: Decision = { kind: 'run' };

/**
 * Whether a node runs, by all that is known before its pod exists, in Tekton's order: parents skipped, results missing,
 * `when`. Where a need lies in the same group and is open, `when` and results from inside are the agent's to decide. In `finally`
 * and with `onError: continue` any missing result skips; elsewhere a result that a finished task did not write is the
 * run's failure.
 * https://tekton.dev/docs/pipelines/pipelines/#guard-task-execution-using-when-expressions
 */
export const decide = (draft: Draft, id: number): Decision => {
  const { index, state } = draft;
  const node = nodeAt(index, id);
  const needs = node.needs.map((need) => draft.node(need));
  const blocked = needs.some(({ phase, reason }) => phase === 'skipped' && reason !== SKIP.when);
  if (blocked && !node.finally) return { kind: 'skip', reason: SKIP.parent };

  const known = knownOf(index.plan, state, id);
  for (const { task, result, value } of index.uses[id] ?? []) {
    const from = draft.node(task);
    if (!isOver(from) || !isMissing(completeValue(value, known))) continue;
    if (node.finally || node.onError === 'continue' || from.phase === 'skipped') {
      return { kind: 'skip', reason: SKIP.results };
    }
    const { name } = nodeAt(index, task);
    return {
      kind: 'fail',
      message: `could not find result with name "${result}" for task "${name}", used by "${node.name}"`,
    };
  }
  if (!needs.every(isOver)) return RUN;
  return conditionHolds(node.when, known) === true ? RUN : { kind: 'skip', reason: SKIP.when };
};
