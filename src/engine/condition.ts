import { formatDuration } from '../core/index.ts';
import { completeValue, isMissing, type Value } from '../plan/index.ts';
import type { ParamValue } from '../tekton/index.ts';
import { knownOf } from './known.ts';
import { nodeAt, type PlanIndex } from './plan-index.ts';
import { isTimeoutSkip, RUN, TASK } from './reasons.ts';
import type { RunState } from './types.ts';

type Condition = NonNullable<RunState['condition']>;

/** The condition of a run whose nodes are all over. A TaskRun has its task's; a PipelineRun counts, in Tekton's words. */
export const conditionOf = (index: PlanIndex, state: RunState): Condition => {
  const { plan } = index;
  const [first] = state.nodes;
  if (plan.kind === 'TaskRun' && first !== undefined) {
    return { status: first.phase === 'succeeded' ? 'True' : 'False', reason: first.reason, message: first.message };
  }
  const count = countOf(index, state);
  const message = `${progressOf(count)}, Skipped: ${count.skipped}`;
  if (state.timedOut === 'tasks') return timeoutCondition(index, 'tasks');
  const invalid = state.nodes.find(({ reason }) => reason === TASK.badReference);
  if (invalid !== undefined) return { status: 'False', reason: RUN.badReference, message: invalid.message };
  if (count.failed > 0 || count.timedOut > 0) return { status: 'False', reason: RUN.failed, message };
  if (state.cancel !== null) return cancelledCondition(index);
  if (count.cancelled > 0) return { status: 'False', reason: RUN.cancelled, message };
  return { status: 'True', reason: count.skipped > 0 ? RUN.completed : RUN.succeeded, message };
};

/** Reason and message of a PipelineRun that is under way. */
export const progress = (index: PlanIndex, state: RunState): { readonly reason: string; readonly message: string } => {
  const count = countOf(index, state);
  const message = `${progressOf(count)}, Incomplete: ${count.open}, Skipped: ${count.skipped}`;
  switch (state.cancel?.mode) {
    case 'CancelledRunFinally':
      return { reason: 'CancelledRunningFinally', message };
    case 'StoppedRunFinally':
      return { reason: 'StoppedRunningFinally', message };
    case 'Cancelled':
    case undefined: {
      const stopping = count.cancelled > 0 || (count.failed > 0 && state.open.finally === 0);
      return { reason: stopping ? 'PipelineRunStopping' : 'Running', message };
    }
  }
};

const progressOf = ({ succeeded, failed, ignored, cancelled }: ReturnType<typeof countOf>): string => {
  const all = failed + ignored;
  const note = ignored > 0 ? ` (Ignored: ${ignored})` : '';
  return `Tasks Completed: ${succeeded + all + cancelled} (Failed: ${all}${note}, Cancelled ${cancelled})`;
};

/** The condition of a run that was cancelled at once. */
export const cancelledCondition = ({ plan }: PlanIndex): Condition =>
  plan.kind === 'TaskRun'
    ? { status: 'False', reason: TASK.cancelled, message: `TaskRun "${plan.name}" was cancelled` }
    : { status: 'False', reason: RUN.cancelled, message: `PipelineRun "${plan.name}" was cancelled` };

/** The condition of a run whose own timeout, or that of its tasks, was reached. */
export const timeoutCondition = ({ plan, timeouts }: PlanIndex, which: 'pipeline' | 'tasks'): Condition => {
  const what = which === 'tasks' ? 'due to tasks failed to finish' : 'to finish';
  return {
    status: 'False',
    reason: plan.kind === 'TaskRun' ? TASK.timeout : RUN.timeout,
    message: `${plan.kind} "${plan.name}" failed ${what} within "${formatDuration(timeouts[which])}"`,
  };
};

/**
 * The run's results. One that names a task that did not succeed, and did not write it, is left out; one that a task
 * succeeded without writing is an error, as in Tekton.
 */
export const resultsOf = (
  index: PlanIndex,
  state: RunState,
): { readonly results: RunState['results']; readonly missing: Condition | null } => {
  const { plan } = index;
  if (plan.kind === 'TaskRun') return { results: taskResults(state), missing: null };
  const known = knownOf(plan, state, -1);
  const results: { readonly name: string; readonly value: ParamValue }[] = [];
  const invalid: string[] = [];
  for (const { name, value } of plan.results) {
    const complete = completeValue(value, known);
    if (!isMissing(complete)) results.push({ name, value: complete });
    else if (tasksOf(value).every((task) => state.nodes[task]?.phase === 'succeeded')) invalid.push(name);
  }
  const message = `Failed to get PipelineResult from TaskRun Results for PipelineRun ${plan.name}: invalid pipelineresults [${invalid.join(', ')}], the referenced results don't exist`;
  return { results, missing: invalid.length === 0 ? null : { status: 'False', reason: RUN.badResult, message } };
};

const taskResults = (state: RunState): RunState['results'] =>
  Object.entries(state.nodes[0]?.results ?? {}).map(([name, value]) => ({ name, value }));

const tasksOf = (value: Value): number[] => {
  switch (value.kind) {
    case 'string':
      return value.text.flatMap((segment) => (typeof segment === 'object' && 'task' in segment ? [segment.task] : []));
    case 'array':
      return value.items.flatMap((item) => {
        if ('text' in item) return tasksOf({ kind: 'string', text: item.text });
        return 'task' in item.splat ? [item.splat.task] : [];
      });
    case 'object':
      return Object.values(value.entries).flatMap((text) => tasksOf({ kind: 'string', text }));
    case 'whole':
      return [value.task];
  }
};

const countOf = (index: PlanIndex, { nodes }: RunState) => {
  const count = { succeeded: 0, failed: 0, ignored: 0, cancelled: 0, skipped: 0, timedOut: 0, open: 0 };
  nodes.forEach(({ phase, reason }, id) => {
    switch (phase) {
      case 'succeeded':
        count.succeeded += 1;
        break;
      case 'failed':
        count[nodeAt(index, id).onError === 'continue' ? 'ignored' : 'failed'] += 1;
        break;
      case 'cancelled':
        count.cancelled += 1;
        break;
      case 'skipped':
        count.skipped += 1;
        if (isTimeoutSkip(reason)) count.timedOut += 1;
        break;
      case 'pending':
      case 'running':
        count.open += 1;
        break;
    }
  });
  return count;
};
