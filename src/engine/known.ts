import type { Known, Plan } from '../plan/index.ts';
import type { NodePhase, NodeState, RunState } from './types.ts';

/**
 * What texts of `node` are completed from: results, states and reasons of tasks that are over, and the node's own retry
 * count. In Tekton's words: `$(tasks.T.status)` is Succeeded, Failed or None; `$(tasks.status)` is Completed where all
 * succeeded but some were skipped, and None while tasks are open.
 */
export const knownOf = (plan: Plan, state: RunState, node: number): Known => ({
  result: (task, name) => {
    const from = state.nodes[task];
    return from !== undefined && isOver(from) && Object.hasOwn(from.results, name) ? from.results[name] : undefined;
  },
  status: (task) => (task === 'all' ? statusOfAll(plan, state) : statusOf(state.nodes[task]?.phase)),
  reason: (task) => {
    const from = state.nodes[task];
    return from === undefined || from.phase === 'skipped' || !isOver(from) ? '' : from.reason;
  },
  retryCount: state.nodes[node]?.retries.length ?? 0,
});

/** Whether a node will not change any more. */
export const isOver = ({ phase }: Pick<NodeState, 'phase'>): boolean => phase !== 'pending' && phase !== 'running';

const statusOf = (phase: NodePhase | undefined): string => {
  switch (phase) {
    case 'succeeded':
      return 'Succeeded';
    case 'failed':
    case 'cancelled':
      return 'Failed';
    case 'pending':
    case 'running':
    case 'skipped':
    case undefined:
      return 'None';
  }
};

const statusOfAll = (plan: Plan, state: RunState): string => {
  if (state.open.dag > 0) return 'None';
  const phases = new Set(state.nodes.filter((_, id) => plan.nodes[id]?.finally === false).map(({ phase }) => phase));
  if (phases.has('failed') || phases.has('cancelled')) return 'Failed';
  return phases.has('skipped') ? 'Completed' : 'Succeeded';
};
