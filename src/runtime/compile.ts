import { isOver, knownOf, type RunState } from '../engine/index.ts';
import type { Plan } from '../plan/index.ts';
import { podOf } from '../pod/index.ts';
import type { PodRequest } from './types.ts';

/** Makes the pods of a run, each with the results that are known when it is asked for. */
export const podCompiler =
  (plan: Plan, runUid: string, { agentImage }: { readonly agentImage: string }) =>
  (state: RunState, group: number, attempt: number): PodRequest => {
    const nodes = (plan.groups[group]?.nodes ?? []).filter((id) => {
      const node = state.nodes[id];
      return node !== undefined && !isOver(node);
    });
    const known = (node: number) => knownOf(plan, state, node);
    const { pod, secrets, claims, atOnce } = podOf(plan, { group, attempt, runUid, nodes, known }, { agentImage });
    return { group, attempt, pod, secrets, claims, atOnce };
  };
