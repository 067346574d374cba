import type { CompileInput, Plan, ResolvedObject, RunInput } from '../../../src/plan/index.ts';
import { compile } from '../../../src/plan/index.ts';
import type { Pipeline, PipelineSpec, Task, TaskSpec } from '../../../src/tekton/index.ts';

/** A run with nothing in it. */
export const run = (more: Partial<RunInput> = {}): RunInput => ({
  kind: 'TaskRun',
  name: 'run-1',
  namespace: 'ns',
  uid: '00000000-0000-4000-8000-000000000001',
  grouping: 'task',
  params: [],
  workspaces: [],
  ...more,
});

export const task = (spec: Partial<TaskSpec>, name = 'build'): ResolvedObject<Task> => ({
  object: {
    apiVersion: 'tekton.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { steps: [{ name: 'main', image: 'img', script: 'true' }], ...spec },
  },
  source: { kind: 'Task', name },
});

const pipeline = (spec: PipelineSpec, name = 'release'): ResolvedObject<Pipeline> => ({
  object: { apiVersion: 'tekton.dev/v1', kind: 'Pipeline', metadata: { name }, spec },
  source: { kind: 'Pipeline', name },
});

/** Compiles a Task. */
export const compileTask = (spec: Partial<TaskSpec>, more: Partial<RunInput> = {}) =>
  compile({ run: run(more), object: task(spec) });

/** Compiles a Pipeline; its tasks are embedded, or by reference and in `tasks` under the pipeline task's name. */
export const compilePipeline = (
  spec: PipelineSpec,
  more: Partial<RunInput> = {},
  tasks: Record<string, ResolvedObject<Task>> = {},
) => {
  const input: CompileInput = {
    run: run({ kind: 'PipelineRun', ...more }),
    object: pipeline(spec),
    tasks: new Map(Object.entries(tasks)),
  };
  return compile(input);
};

/** The plan, or a failure of the test that shows the findings. */
export const planOf = ({ plan, diagnostics }: ReturnType<typeof compile>): Plan => {
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics, null, 2));
  return plan;
};

/** Codes and places of the findings, in order. */
export const findings = ({ diagnostics }: ReturnType<typeof compile>): string[] =>
  diagnostics.map(({ code, severity, path = [] }) => `${severity} ${code} ${path.join('.')}`);
