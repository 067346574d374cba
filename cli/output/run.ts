import { pipelineRunOf, type RunState, taskRunOf } from 'waybill/engine';
import type { RunRecord } from 'waybill/record';
import type { PipelineRun, TaskRun } from 'waybill/tekton';
import { table } from './table.ts';
import { safeMessage } from './terminal.ts';

/** A run as Tekton's own object, with its status. */
export const runOutput = ({ plan, uid, createdAt }: RunRecord, state: RunState): TaskRun | PipelineRun =>
  plan.kind === 'TaskRun'
    ? taskRunOf(plan, state, 0, { uid, createdAt })
    : pipelineRunOf(plan, state, { uid, createdAt });

/** A run for people: how it ended, task by task, and its results. */
export const runSummary = ({ plan, name }: RunRecord, state: RunState): string => {
  const { condition } = state;
  const tasks = plan.nodes.map(({ name: task }, id) => {
    const node = state.nodes[id];
    const seconds =
      node?.startedAt && node.finishedAt ? `${((node.finishedAt - node.startedAt) / 1000).toFixed(1)}s` : '';
    return [task, node?.reason || node?.phase || '', seconds];
  });
  const results = state.results.map(({ name: result, value }) => [
    result,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return [
    table(['task', 'status', 'duration'], tasks),
    ...(results.length > 0 ? ['', table(['result', 'value'], results)] : []),
    '',
    condition === null ? `${name}: not started` : `${name}: ${condition.reason}: ${safeMessage(condition.message)}`,
  ].join('\n');
};
