import type { Digest } from '../core/index.ts';
import { planDigest } from './digest.ts';
import type { Segment, Text } from './text.ts';
import type { Plan, PlanNode, Provenance } from './types.ts';

/** What `waybill plan` shows, as data with a stable schema. */
export interface PlanDescription {
  readonly kind: Plan['kind'];
  readonly name: string;
  readonly namespace: string;
  readonly digest: Digest;
  readonly source: Provenance;
  /** In the order of ids: a group stands after the ones it needs. */
  readonly pods: readonly PodDescription[];
}

export interface PodDescription {
  readonly id: number;
  readonly needs: readonly number[];
  /** Why these tasks and no others share the pod. */
  readonly reasons: readonly string[];
  readonly tasks: readonly TaskDescription[];
}

export interface TaskDescription {
  readonly id: number;
  readonly name: string;
  readonly finally: boolean;
  /** Names of the tasks that must be done first. */
  readonly needs: readonly string[];
  readonly conditional: boolean;
  readonly retries: number;
  /** Milliseconds; 0 = none. */
  readonly timeout: number;
  readonly source: Provenance;
  readonly steps: readonly { readonly name: string; readonly image: string }[];
}

/** A plan for people: pods with their tasks, why they are joined or not, and what each waits for. */
export const describePlan = (plan: Plan): PlanDescription => ({
  kind: plan.kind,
  name: plan.name,
  namespace: plan.namespace,
  digest: planDigest(plan),
  source: plan.source,
  pods: plan.groups.map(({ id, needs, reasons, nodes }) => ({
    id,
    needs,
    reasons,
    tasks: nodes.flatMap((node) => plan.nodes[node] ?? []).map((node) => describeNode(plan, node)),
  })),
});

const describeNode = (plan: Plan, node: PlanNode): TaskDescription => ({
  id: node.id,
  name: node.name,
  finally: node.finally,
  needs: node.needs.flatMap((need) => plan.nodes[need]?.name ?? []),
  conditional: node.when.length > 0,
  retries: node.retries,
  timeout: node.timeout,
  source: node.source,
  steps: node.steps.map(({ name, image }) => ({ name, image: showText(image, plan, node) })),
});

/** A text as its author could have written it: references in Tekton's spelling. */
export const showText = (text: Text, plan: Plan, node: PlanNode): string =>
  text.map((segment) => (typeof segment === 'string' ? segment : `$(${showReference(segment, plan, node)})`)).join('');

const showReference = (segment: Exclude<Segment, string>, plan: Plan, node: PlanNode): string => {
  const task = (id: number) => plan.nodes[id]?.name ?? String(id);
  if ('task' in segment) return `tasks.${task(segment.task)}.results.${segment.result}${accessOf(segment)}`;
  if ('step' in segment) {
    return `steps.${node.steps[segment.step]?.name ?? segment.step}.results.${segment.result}${accessOf(segment)}`;
  }
  if ('status' in segment) return segment.status === 'all' ? 'tasks.status' : `tasks.${task(segment.status)}.status`;
  if ('reason' in segment) return `tasks.${task(segment.reason)}.reason`;
  return 'env' in segment ? segment.env : 'context.task.retry-count';
};

const accessOf = ({ index, key }: { readonly index?: number; readonly key?: string }): string => {
  if (index !== undefined) return `[${index}]`;
  return key === undefined ? '' : `.${key}`;
};
