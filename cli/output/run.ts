import { pipelineRunOf, type RunState, taskRunOf } from 'waybill/engine';
import type { RunRecord } from 'waybill/record';
import type { PipelineRun, TaskRun } from 'waybill/tekton';
import { table } from './table.ts';
import { safe, safeMessage } from './terminal.ts';

/** A run as Tekton's own object, with its status. */
export const runOutput = ({ plan, uid, createdAt }: RunRecord, state: RunState): TaskRun | PipelineRun =>
  plan.kind === 'TaskRun'
    ? taskRunOf(plan, state, 0, { uid, createdAt })
    : pipelineRunOf(plan, state, { uid, createdAt });

/** Characters of a task's message that are shown; `-o json` has all of it. */
const SHOWN = 400;

interface Ended {
  readonly name: string;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
}

/** Why tasks failed, a line each, after an empty one; nothing where none has. Messages come from outside. */
export const failureLines = (tasks: readonly Ended[]): readonly string[] => {
  const lines = tasks.flatMap(({ name, phase, reason, message }) => {
    if (phase !== 'failed' || message === '') return [];
    const line = message.trim().replace(/[\t\r\n]+/g, ' ');
    return [safe(`${name}: ${reason || phase}: ${line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line}`)];
  });
  return lines.length === 0 ? [] : ['', ...lines];
};

/** A run for people: how it ended, task by task, and its results. */
export const runSummary = ({ plan, name }: RunRecord, state: RunState): string => {
  const { condition } = state;
  const tasks = plan.nodes.map(({ name: task }, id) => {
    const node = state.nodes[id];
    const seconds =
      node?.startedAt && node.finishedAt ? `${((node.finishedAt - node.startedAt) / 1000).toFixed(1)}s` : '';
    return [task, node?.reason || node?.phase || '', seconds];
  });
  // A TaskRun's own message says it.
  const ended = plan.kind === 'TaskRun' ? [] : state.nodes;
  const failures = failureLines(ended.map((node, id) => ({ ...node, name: plan.nodes[id]?.name ?? '' })));
  const results = state.results.map(({ name: result, value }) => [
    result,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return [
    table(['task', 'status', 'duration'], tasks),
    ...failures,
    ...(results.length > 0 ? ['', table(['result', 'value'], results)] : []),
    '',
    condition === null ? `${name}: not started` : `${name}: ${condition.reason}: ${safeMessage(condition.message)}`,
  ].join('\n');
};
