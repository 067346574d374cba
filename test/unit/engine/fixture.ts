import type { Plan, PlanNode, PlanStep } from 'waybill/plan';

/** A step that needs nothing. */
export const step = (name: string, patch: Partial<PlanStep> = {}): PlanStep => ({
  name,
  image: ['busybox'],
  command: [{ text: ['true'] }],
  args: [],
  env: [],
  volumeMounts: [],
  timeout: 0,
  onError: 'stopAndFail',
  results: [],
  ...patch,
});

export type NodePatch = Partial<Omit<PlanNode, 'id'>> & { readonly name: string };

/** A plan of nodes; ids are their places. Without `groups` each has a pod of its own. */
export const planOf = (patches: readonly NodePatch[], patch: Partial<Plan> = {}, groups?: number[][]): Plan => {
  const nodes = patches.map(
    (node, id): PlanNode => ({
      id,
      runName: `run-${node.name}`,
      finally: false,
      needs: [],
      resultsOf: [],
      when: [],
      retries: 0,
      timeout: 0,
      onError: 'stopAndFail',
      steps: [step('main')],
      results: [],
      workspaces: [],
      volumes: [],
      serviceAccountName: 'default',
      podTemplate: {},
      source: { kind: 'Task', name: node.name },
      labels: {},
      params: [],
      ...node,
    }),
  );
  const parts = groups ?? nodes.map(({ id }) => [id]);
  const groupOf = new Map(parts.flatMap((ids, group) => ids.map((id) => [id, group] as const)));
  return {
    version: 1,
    kind: 'PipelineRun',
    name: 'run',
    namespace: 'default',
    source: { kind: 'Pipeline', name: 'release' },
    params: [],
    nodes,
    groups: parts.map((ids, id) => {
      const last = nodes[ids[0] as number]?.finally === true;
      const needs = last
        ? parts.flatMap((others, other) => (nodes[others[0] as number]?.finally ? [] : [other]))
        : ids.flatMap((node) => (nodes[node]?.needs ?? []).map((need) => groupOf.get(need) as number));
      return { id, nodes: ids, needs: [...new Set(needs)].filter((need) => need !== id), reasons: [] };
    }),
    timeouts: { pipeline: 0 },
    workspaces: [],
    results: [],
    labels: {},
    annotations: {},
    ...patch,
  };
};
