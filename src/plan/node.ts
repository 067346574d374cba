import type { Path } from '../core/index.ts';
import type { Task } from '../tekton/index.ts';
import { compact } from './compact.ts';
import { type Scope, type TextCompiler, textCompiler } from './compile-text.ts';
import type { RunInput } from './input.ts';
import { checkMounts } from './mounts.ts';
import { taskRunUid } from './names.ts';
import { bindParams, type Params } from './params.ts';
import { compilePart } from './parts.ts';
import { type Report, reportUnder } from './report.ts';
import { compileResult } from './results.ts';
import { type TaskContext, taskScope } from './scope.ts';
import { stepsOf } from './step-template.ts';
import { compileStep } from './steps.ts';
import type { PlanNode, PlanWhen, PlanWorkspace, Provenance } from './types.ts';
import { compileNodeWorkspaces, type NodeWorkspacesInput, viewsOf } from './workspaces.ts';

/** One task of the run: a Task with the place that it has there. */
export interface NodeInput {
  readonly id: number;
  readonly name: string;
  readonly displayName?: string;
  readonly runName: string;
  readonly finally: boolean;
  readonly needs: readonly number[];
  readonly resultsOf: readonly number[];
  readonly when: readonly PlanWhen[];
  readonly retries: number;
  readonly timeout: number;
  readonly onError: PlanNode['onError'];
  readonly task: Pick<Task, 'spec'> & { readonly metadata?: Task['metadata'] };
  readonly source: Provenance;
  /** Given by the pipeline task or the run. */
  readonly given: Params;
  /** What an embedded spec sees of its Pipeline. */
  readonly inherited?: { readonly params: Params; readonly scope: Scope };
  readonly mapped?: NodeWorkspacesInput['mapped'];
  readonly pipeline: TextCompiler;
  readonly run: RunInput;
  readonly workspaces: readonly PlanWorkspace[];
  /** Where the Task's spec and the pipeline task stand in the object that is compiled. */
  readonly paths: { readonly spec: Path; readonly pipelineTask: Path };
  readonly report: Report;
}

/** Compiles a task with everything it uses; also gives its params after defaults. */
export const compileNode = (input: NodeInput): { readonly node: PlanNode; readonly params: Params } => {
  const { id, run, inherited, source } = input;
  const { spec, metadata } = input.task;
  const report = reportUnder(input.report, input.paths.spec);
  const subject = `Task "${source.name}"`;
  const steps = stepsOf(spec);
  const bare: TaskContext = compact<TaskContext>({
    taskRun: {
      name: input.runName,
      namespace: run.namespace,
      uid: run.kind === 'TaskRun' ? run.uid : taskRunUid(run.uid, input.runName),
    },
    task: source.name,
    retries: input.retries,
    results: spec.results ?? [],
    workspaces: new Map(),
    steps,
    step: undefined,
    outer: inherited?.scope,
  });
  const params = bindParams({
    specs: spec.params ?? [],
    given: input.given,
    ...(inherited === undefined ? {} : { inherited: inherited.params }),
    scope: (lookup) => taskScope(lookup, bare),
    subject,
    path: ['params'],
    report,
  });
  const lookup = (name: string) => params.get(name);
  const bound = compileNodeWorkspaces({
    node: id,
    declared: spec.workspaces ?? [],
    ...(input.mapped === undefined ? {} : { mapped: input.mapped }),
    embedded: inherited !== undefined,
    spec,
    workspaces: input.workspaces,
    task: textCompiler(taskScope(lookup, bare), input.report),
    pipeline: input.pipeline,
    subject,
    paths: {
      declared: [...input.paths.spec, 'workspaces'],
      mapped: [...input.paths.pipelineTask, 'workspaces'],
    },
    report: input.report,
  });
  const context: TaskContext = { ...bare, workspaces: viewsOf(id, bound, input.workspaces) };
  const compiler = textCompiler(taskScope(lookup, context), report);
  const node = compact<PlanNode>({
    id,
    name: input.name,
    displayName: input.displayName,
    runName: input.runName,
    finally: input.finally,
    needs: input.needs,
    resultsOf: input.resultsOf,
    when: input.when,
    retries: input.retries,
    timeout: input.timeout,
    onError: input.onError,
    steps: steps.map((step, index) => compileStep(step, index, lookup, context, reportUnder(report, ['steps', index]))),
    results: (spec.results ?? []).map((result, index) =>
      compileResult(result, steps, compiler, ['results', index], report),
    ),
    workspaces: bound,
    volumes: (spec.volumes ?? []).map((volume, index) => compilePart(volume, compiler, ['volumes', index], report)),
    serviceAccountName: run.serviceAccountName ?? 'default',
    podTemplate: run.podTemplate ?? {},
    source,
    labels: metadata?.labels ?? {},
    params: [...input.given].map(([name, value]) => ({ name, value })),
  });
  checkMounts(node, input.workspaces, report);
  return { node, params };
};
