import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import { formatDuration, hexOf } from '../core/index.ts';
import {
  completeItems,
  completeText,
  completeValue,
  isMissing,
  type Plan,
  type PlanNode,
  type Provenance,
} from '../plan/index.ts';
import { containersOf } from '../pod/index.ts';
import type { Param, ParamValue, PipelineRun, TaskRun } from '../tekton/index.ts';
import { progress } from './condition.ts';
import { knownOf } from './known.ts';
import { workspacesOf } from './output-workspaces.ts';
import { indexPlan, nodeAt } from './plan-index.ts';
import { SKIP } from './reasons.ts';
import type { NodeState, RunState, StepState, Time } from './types.ts';

/** What the state does not know of itself. */
export interface OutputContext {
  /** UID of the run. */
  readonly uid: string;
  readonly createdAt?: Time;
}

/**
 * A task's TaskRun as Tekton would report it; also the output of a run of a Task alone (node 0). Times are in seconds,
 * as Kubernetes writes them. https://tekton.dev/docs/pipelines/taskruns/#monitoring-execution-status
 */
export const taskRunOf = (plan: Plan, state: RunState, id: number, { uid, createdAt }: OutputContext): TaskRun => {
  const node = nodeAt(indexPlan(plan), id);
  const own = plan.kind === 'TaskRun';
  const task = state.nodes[id];
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: own ? metadataOf(plan, uid, createdAt) : childMetadata(plan, node, uid),
    spec: {
      ...(own ? { ...params(plan.params), ...workspacesOf(plan) } : nodeParams(plan, state, node)),
      serviceAccountName: node.serviceAccountName,
      ...(node.source.digest === undefined && node.source.uri === undefined
        ? {}
        : { taskRef: { kind: 'Task', name: node.source.name } }),
      timeout: formatDuration(node.timeout),
      ...(node.retries > 0 ? { retries: node.retries } : {}),
    },
    ...(task === undefined ? {} : { status: taskStatus(plan, node, task) }),
  };
};

/** The PipelineRun as Tekton would report it. Its children are the TaskRuns of all tasks that had a pod. */
export const pipelineRunOf = (plan: Plan, state: RunState, { uid, createdAt }: OutputContext): PipelineRun => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'PipelineRun',
  metadata: metadataOf(plan, uid, createdAt),
  spec: {
    ...(plan.source.digest === undefined && plan.source.uri === undefined
      ? {}
      : { pipelineRef: { name: plan.source.name } }),
    ...params(plan.params),
    ...workspacesOf(plan),
    timeouts: {
      pipeline: formatDuration(plan.timeouts.pipeline),
      ...(plan.timeouts.tasks === undefined ? {} : { tasks: formatDuration(plan.timeouts.tasks) }),
      ...(plan.timeouts.finally === undefined ? {} : { finally: formatDuration(plan.timeouts.finally) }),
    },
  },
  status: compact({
    conditions: [runCondition(plan, state)],
    startTime: timeText(state.startedAt),
    completionTime: timeText(state.finishedAt),
    finallyStartTime: timeText(state.finallyAt),
    childReferences: unlessEmpty(children(plan, state)),
    skippedTasks: unlessEmpty(skipped(plan, state)),
    results: unlessEmpty(state.results),
    provenance: provenanceOf(plan.source),
  }),
});

const taskStatus = (plan: Plan, node: PlanNode, task: NodeState): Record<string, unknown> =>
  compact({
    ...attemptStatus(plan, node, task),
    conditions: [taskCondition(task)],
    retriesStatus: unlessEmpty(
      task.retries.map((retry) =>
        compact({
          ...attemptStatus(plan, node, retry),
          conditions: [condition('False', retry.reason, retry.message, retry.finishedAt)],
        }),
      ),
    ),
    provenance: provenanceOf(node.source),
  });

const attemptStatus = (
  plan: Plan,
  node: PlanNode,
  attempt: Pick<NodeState, 'pod' | 'startedAt' | 'finishedAt' | 'results' | 'steps'>,
): Record<string, unknown> => ({
  podName: attempt.pod ?? '',
  startTime: timeText(attempt.startedAt),
  completionTime: timeText(attempt.finishedAt),
  results: unlessEmpty(Object.entries(attempt.results).map(([name, value]) => ({ name, type: typeOf(value), value }))),
  steps: unlessEmpty(steps(plan, node, attempt.steps)),
});

const steps = (plan: Plan, node: PlanNode, states: readonly StepState[]): readonly Record<string, unknown>[] => {
  const group = indexPlan(plan).groupOf[node.id] as number;
  const containers = containersOf(plan, group).filter(({ task }) => task === node.id);
  return states.map((state, step) =>
    compact({
      name: node.steps[step]?.name,
      container: containers[step]?.container,
      terminationReason: state.phase === 'finished' ? state.reason : undefined,
      results: unlessEmpty(
        Object.entries(state.results).map(([name, value]) => ({ name, type: typeOf(value), value })),
      ),
      ...containerState(state),
    }),
  );
};

const containerState = (state: StepState): Record<string, unknown> => {
  switch (state.phase) {
    case 'waiting':
      return { waiting: { reason: 'PodInitializing' } };
    case 'running':
      return { running: compact({ startedAt: timeText(state.startedAt) }) };
    case 'finished':
      return {
        terminated: compact({
          exitCode: state.exitCode ?? 1,
          reason: state.reason,
          message: state.message === '' ? undefined : state.message,
          startedAt: timeText(state.startedAt),
          finishedAt: timeText(state.finishedAt),
        }),
      };
  }
};

const children = (plan: Plan, state: RunState): readonly Record<string, unknown>[] =>
  plan.nodes.flatMap((node, id) => {
    const task = state.nodes[id];
    const ran = task !== undefined && (task.startedAt !== null || task.retries.length > 0) && task.phase !== 'skipped';
    if (!ran) return [];
    return [
      compact({
        apiVersion: 'tekton.dev/v1',
        kind: 'TaskRun',
        name: node.runName,
        pipelineTaskName: node.name,
        displayName: node.displayName,
      }),
    ];
  });

const skipped = (plan: Plan, state: RunState): readonly Record<string, unknown>[] =>
  plan.nodes.flatMap((node, id) => {
    const task = state.nodes[id];
    if (task?.phase !== 'skipped') return [];
    const whenExpressions = task.reason === SKIP.when ? whens(plan, state, node) : [];
    return [compact({ name: node.name, reason: task.reason, whenExpressions: unlessEmpty(whenExpressions) })];
  });

/** The conditions of a skipped task with their values; those that wait for what does not exist are left out. */
const whens = (plan: Plan, state: RunState, { id, when }: PlanNode): readonly Record<string, unknown>[] => {
  const known = knownOf(plan, state, id);
  return when.flatMap(({ input, operator, values }) => {
    const text = completeText(input, known);
    const among = completeItems(values, known);
    return isMissing(text) || isMissing(among) ? [] : [{ input: text, operator, values: among }];
  });
};

const runCondition = (plan: Plan, state: RunState) => {
  const { condition: final, startedAt, finishedAt } = state;
  if (final !== null) return condition(final.status, final.reason, final.message, finishedAt);
  if (startedAt === null) return condition('Unknown', 'Started', '', null);
  const { reason, message } = progress(indexPlan(plan), state);
  return condition('Unknown', reason, message, startedAt);
};

const taskCondition = (task: NodeState) => {
  const { phase, reason, message, startedAt, finishedAt } = task;
  switch (phase) {
    case 'succeeded':
      return condition('True', reason, message, finishedAt);
    case 'failed':
    case 'cancelled':
      return condition('False', reason, message, finishedAt);
    case 'skipped':
      return condition('False', SKIPPED, reason, finishedAt);
    case 'running':
      return condition('Unknown', 'Running', 'Not all Steps in the Task have finished executing', startedAt);
    case 'pending':
      return condition('Unknown', task.retries.length > 0 ? 'ToBeRetried' : 'Pending', '', startedAt);
  }
};

/** Tekton makes no TaskRun of a skipped task; asked for one all the same, this says so. */
const SKIPPED = 'Skipped';

const condition = (status: 'True' | 'False' | 'Unknown', reason: string, message: string, at: Time | null) =>
  compact({ type: 'Succeeded', status, reason, message, lastTransitionTime: timeText(at) });

const metadataOf = (plan: Plan, uid: string, createdAt: Time | undefined): ObjectMeta => ({
  name: plan.name,
  namespace: plan.namespace,
  uid,
  ...(createdAt === undefined ? {} : { creationTimestamp: timeText(createdAt) as string }),
  ...(Object.keys(plan.labels).length === 0 ? {} : { labels: plan.labels }),
  ...(Object.keys(plan.annotations).length === 0 ? {} : { annotations: plan.annotations }),
});

const childMetadata = (plan: Plan, node: PlanNode, uid: string): ObjectMeta => ({
  name: node.runName,
  namespace: plan.namespace,
  labels: {
    ...plan.labels,
    ...node.labels,
    'tekton.dev/pipeline': plan.source.name,
    'tekton.dev/pipelineRun': plan.name,
    'tekton.dev/pipelineRunUID': uid,
    'tekton.dev/pipelineTask': node.name,
    'tekton.dev/memberOf': node.finally ? 'finally' : 'tasks',
  },
  ownerReferences: [{ apiVersion: 'tekton.dev/v1', kind: 'PipelineRun', name: plan.name, uid, controller: true }],
});

const params = (list: Plan['params']): { readonly params?: readonly Param[] } =>
  list.length === 0 ? {} : { params: list.map(({ name, value }) => ({ name, value: value as ParamValue })) };

/** Params of one task; those that wait for a result that does not exist are left out. */
const nodeParams = (plan: Plan, state: RunState, node: PlanNode): { readonly params?: readonly Param[] } => {
  const known = knownOf(plan, state, node.id);
  return params(
    node.params.flatMap(({ name, value }) => {
      const complete = completeValue(value, known);
      return isMissing(complete) ? [] : [{ name, value: complete }];
    }),
  );
};

const provenanceOf = ({ uri, digest, entryPoint }: Provenance): Record<string, unknown> | undefined => {
  if (uri === undefined && digest === undefined) return undefined;
  const algorithm = digest?.slice(0, digest.indexOf(':'));
  const refSource = compact({
    uri,
    digest: digest === undefined || algorithm === undefined ? undefined : { [algorithm]: hexOf(digest) },
    entryPoint,
  });
  return { refSource };
};

const typeOf = (value: ParamValue): string => {
  if (typeof value === 'string') return 'string';
  return Array.isArray(value) ? 'array' : 'object';
};

/** RFC 3339 in UTC without fractions, as `metav1.Time`. */
const timeText = (time: Time | null): string | undefined =>
  time === null ? undefined : new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');

const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

const compact = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
