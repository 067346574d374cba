import { WaybillError } from '../core/index.ts';
import type { Plan, PlanGroup, PlanNode, PlanWorkspace } from '../plan/index.ts';

/** A node that must exist. */
export const nodeOf = (plan: Plan, id: number): PlanNode => plan.nodes[id] ?? broken(`no node ${id}`);

/** A group that must exist. */
export const groupOf = (plan: Plan, id: number): PlanGroup => plan.groups[id] ?? broken(`no group ${id}`);

/** A workspace that must exist. */
export const workspaceOf = (plan: Plan, index: number): PlanWorkspace =>
  plan.workspaces[index] ?? broken(`no workspace ${index}`);

/** Says that plan or caller break their contract: a bug of ours. */
export const broken = (what: string): never => {
  throw new WaybillError('Internal', `no pod can be made of the plan: ${what}`);
};
