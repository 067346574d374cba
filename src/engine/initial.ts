import type { Plan } from '../plan/index.ts';
import { indexPlan } from './plan-index.ts';
import type { NodeState, RunState, StepState } from './types.ts';

/** The state of a run before its `begin` event. */
export const initialState = (plan: Plan): RunState => {
  const { groups } = indexPlan(plan);
  const last = plan.nodes.filter((node) => node.finally).length;
  return {
    phase: 'running',
    startedAt: null,
    finallyAt: null,
    finishedAt: null,
    cancel: null,
    timedOut: null,
    condition: null,
    nodes: plan.nodes.map(({ steps }) => pendingNode(steps.length)),
    groups: plan.groups.map(({ nodes }, id) => ({
      phase: 'waiting',
      waits: groups.indegrees[id] ?? 0,
      open: nodes.length,
      startedAt: null,
      attempt: 0,
      lost: 0,
      pod: null,
    })),
    open: { dag: plan.nodes.length - last, finally: last },
    results: [],
  };
};

/** A node that has not started, with so many steps. */
export const pendingNode = (steps: number): NodeState => ({
  phase: 'pending',
  reason: '',
  message: '',
  startedAt: null,
  finishedAt: null,
  results: {},
  steps: Array.from({ length: steps }, () => WAITING),
  retries: [],
  pod: null,
});

const WAITING: StepState = {
  phase: 'waiting',
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  reason: '',
  message: '',
  results: {},
};
