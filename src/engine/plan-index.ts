import { WaybillError } from '../core/index.ts';
import { type Graph, graphOf, type Plan, type PlanGroup, type PlanNode } from '../plan/index.ts';
import { type Use, usesOf } from './references.ts';

/** What the engine looks up in a plan at every event, computed once. */
export interface PlanIndex {
  readonly plan: Plan;
  /** Group id of each node. */
  readonly groupOf: readonly number[];
  /** Whether a group holds `finally` tasks; a group never mixes them with others. */
  readonly isFinally: readonly boolean[];
  /** Which groups come after which. */
  readonly groups: Graph;
  readonly uses: readonly (readonly Use[])[];
  /** Milliseconds; 0 = none. What the run does not say is the rest of the pipeline's timeout, as in Tekton. */
  readonly timeouts: { readonly pipeline: number; readonly tasks: number; readonly finally: number };
}

const INDEXES = new WeakMap<Plan, PlanIndex>();

/** The index of a plan, computed at the first call. Throws `Internal` for a plan that breaks its contract. */
export const indexPlan = (plan: Plan): PlanIndex => {
  const known = INDEXES.get(plan);
  if (known !== undefined) return known;
  const index = build(plan);
  INDEXES.set(plan, index);
  return index;
};

/** A node that must exist. */
export const nodeAt = ({ plan }: PlanIndex, id: number): PlanNode => plan.nodes[id] ?? broken(`no node ${id}`);

/** A group that must exist. */
export const groupAt = ({ plan }: PlanIndex, id: number): PlanGroup => plan.groups[id] ?? broken(`no group ${id}`);

const build = (plan: Plan): PlanIndex => {
  const groupOf: number[] = [];
  for (const { id, nodes } of plan.groups) {
    for (const node of nodes) {
      if (groupOf[node] !== undefined) broken(`node ${node} is in groups ${groupOf[node]} and ${id}`);
      groupOf[node] = id;
    }
  }
  const isFinally = plan.groups.map(({ id, nodes }) => {
    const kinds = new Set(nodes.map((node) => plan.nodes[node]?.finally ?? broken(`no node ${node}`)));
    if (kinds.size !== 1) broken(`group ${id} is empty or mixes finally tasks with others`);
    return kinds.has(true);
  });
  for (const { id, name, needs, retries } of plan.nodes) {
    const group = groupOf[id] ?? broken(`task "${name}" is in no group`);
    if (retries > 0 && plan.groups[group]?.nodes.length !== 1) broken(`task "${name}" has retries and shares a pod`);
    const outside = needs.map((need) => groupOf[need]).filter((need) => need !== group);
    if (outside.some((need) => need === undefined || !plan.groups[group]?.needs.includes(need))) {
      broken(`group ${group} does not wait for all that task "${name}" needs`);
    }
  }
  return {
    plan,
    groupOf,
    isFinally,
    groups: graphOf(plan.groups.map(({ needs }) => needs)),
    uses: plan.nodes.map(usesOf),
    timeouts: timeoutsOf(plan.timeouts),
  };
};

const timeoutsOf = ({ pipeline, tasks, finally: last }: Plan['timeouts']): PlanIndex['timeouts'] => {
  const rest = (other: number | undefined): number =>
    pipeline > 0 && other !== undefined && other > 0 ? Math.max(1, pipeline - other) : 0;
  return { pipeline, tasks: tasks ?? rest(last), finally: last ?? rest(tasks) };
};

const broken = (what: string): never => {
  throw new WaybillError('Internal', `the plan is broken: ${what}`);
};
