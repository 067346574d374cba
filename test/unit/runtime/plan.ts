import type { Plan, PlanNode } from '../../../src/plan/index.ts';

/** A plan of one-step tasks, each a group of its own; `needs` by index. */
export const planOf = (...needs: readonly (readonly number[])[]): Plan => ({
  version: 1,
  kind: 'PipelineRun',
  name: 'run',
  namespace: 'ours',
  source: { kind: 'Pipeline', name: 'pipeline' },
  params: [],
  nodes: needs.map((list, id) => node(id, list)),
  groups: needs.map((list, id) => ({ id, nodes: [id], needs: list, reasons: [] })),
  timeouts: { pipeline: 3_600_000 },
  workspaces: [],
  results: [],
  labels: {},
  annotations: {},
});

const node = (id: number, needs: readonly number[]): PlanNode => ({
  id,
  name: `task${id}`,
  runName: `run-task${id}`,
  finally: false,
  needs,
  resultsOf: [],
  when: [],
  retries: 0,
  timeout: 0,
  onError: 'stopAndFail',
  steps: [
    {
      name: 'step',
      image: ['image'],
      command: [{ text: ['true'] }],
      args: [],
      env: [],
      volumeMounts: [],
      timeout: 0,
      onError: 'stopAndFail',
      results: [],
    },
  ],
  results: [],
  workspaces: [],
  volumes: [],
  serviceAccountName: 'default',
  podTemplate: {},
  source: { kind: 'Task', name: `task${id}` },
  labels: {},
  params: [],
});
