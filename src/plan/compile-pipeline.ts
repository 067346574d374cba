import type { Path } from '../core/index.ts';
import type { Pipeline, PipelineTask, Task, WhenExpression } from '../tekton/index.ts';
import { type TextCompiler, textCompiler } from './compile-text.ts';
import { settledText } from './complete.ts';
import { type Draft, warnUnbound, warnUnknown } from './draft.ts';
import type { CompileInput, ResolvedObject } from './input.ts';
import { type LinkedTask, linkTasks } from './links.ts';
import { childName } from './names.ts';
import { compileNode, type NodeInput } from './node.ts';
import { bindParams, literalParams, type Params, typeOfValue } from './params.ts';
import { type Report, reportUnder } from './report.ts';
import { type PipelineContext, pipelineScope } from './scope.ts';
import { durationOf, ON_ERROR, oneOf } from './steps.ts';
import { taskTimeout, timeoutsOf } from './timeouts.ts';
import type { Plan, PlanNode, PlanWhen } from './types.ts';
import { compileBindings } from './workspaces.ts';

type Input = CompileInput & { readonly pipeline: ResolvedObject<Pipeline> };

/** Compiles a run of a Pipeline; undefined if its tasks cannot be put in order. */
export const compilePipeline = (input: Input, reportFor: (file?: string) => Report): Draft | undefined => {
  const { run, pipeline } = input;
  const { spec } = pipeline.object;
  const report = reportFor();
  const linked = linkTasks(spec, report);
  if (linked === undefined) return undefined;

  const tasks = linked.map((link) => taskOf(link, input, report));
  const ids = new Map(linked.map(({ task }, id) => [task.name, id]));
  const common = {
    run,
    pipeline: pipeline.source.name,
    bound: (name: string) => {
      if (run.workspaces.some((workspace) => workspace.name === name)) return true;
      return spec.workspaces?.some((workspace) => workspace.name === name) ? false : undefined;
    },
    task: (name: string) => {
      const id = ids.get(name);
      if (id === undefined) return undefined;
      const results = tasks[id]?.object.spec.results ?? (tasks[id] ? [] : undefined);
      return { id, finally: linked[id]?.section === 'finally', ...(results === undefined ? {} : { results }) };
    },
  } satisfies Partial<PipelineContext>;

  warnUnknown(run, spec.params ?? [], report);
  const params = bindParams({
    specs: spec.params ?? [],
    given: literalParams(run.params),
    scope: (lookup) => pipelineScope(lookup, { ...common, place: 'task' }),
    subject: `Pipeline "${pipeline.source.name}"`,
    path: ['spec', 'params'],
    report,
  });
  const lookup = (name: string) => params.get(name);
  const results = textCompiler(pipelineScope(lookup, { ...common, place: 'results' }), report);
  const workspaces = compileBindings(run.workspaces, run.uid, results, report);
  (spec.workspaces ?? []).forEach(({ name, optional }, index) => {
    if (optional === true || common.bound(name) === true) return;
    report('missing-workspace', `Pipeline "${pipeline.source.name}" needs workspace "${name}"`, [
      'spec',
      'workspaces',
      index,
    ]);
  });
  const timeouts = timeoutsOf(run.timeouts ?? {}, report);
  const nodes = linked.flatMap((link, id): PlanNode[] => {
    const task = tasks[id];
    if (task === undefined) return [];
    const place = link.section === 'finally' ? 'finally' : 'task';
    const embedded = link.task.taskSpec !== undefined;
    const context = { ...common, place, retries: link.task.retries ?? 0, embedded } as const;
    const scope = pipelineScope(lookup, context);
    const parts = compilePipelineTask(link, textCompiler(scope, report), timeouts, report);
    if (!embedded) warnExtra(task, parts.given, link, report);
    const { node } = compileNode({
      ...parts,
      id,
      runName: childName(run.name, `-${link.task.name}`),
      task: task.object,
      source: task.source,
      ...(embedded ? { inherited: { params, scope } } : {}),
      run,
      workspaces,
      paths: { spec: embedded ? [...link.path, 'taskSpec'] : ['spec'], pipelineTask: link.path },
      report: embedded ? report : reportFor(task.source.reference ?? task.source.uri ?? task.source.name),
    });
    return [node];
  });
  const used = new Set(nodes.flatMap((node) => node.workspaces.map(({ workspace }) => workspace)));
  const needed = workspaces.filter((_, index) => used.has(index));
  warnUnbound(run, [...(spec.workspaces ?? []), ...needed], report);
  return { nodes, params, timeouts, workspaces, results: compileResults(spec.results ?? [], results, report) };
};

/** The Task of a pipeline task: resolved before, or embedded in it. */
const taskOf = ({ task, path }: LinkedTask, { tasks }: Input, report: Report): ResolvedObject<Task> | undefined => {
  const { taskSpec } = task;
  if (taskSpec !== undefined) {
    const { metadata, ...spec } = taskSpec;
    const object: Task = {
      apiVersion: 'tekton.dev/v1',
      kind: 'Task',
      metadata: { ...metadata, name: task.name },
      spec,
    };
    return { object, source: { kind: 'Task', name: task.name } };
  }
  const resolved = tasks?.get(task.name);
  if (resolved === undefined)
    report('unresolved-task', `the Task of "${task.name}" is not known`, [...path, 'taskRef']);
  return resolved;
};

type PipelineTaskParts = Pick<
  NodeInput,
  | 'name'
  | 'displayName'
  | 'finally'
  | 'needs'
  | 'resultsOf'
  | 'when'
  | 'retries'
  | 'timeout'
  | 'onError'
  | 'given'
  | 'mapped'
  | 'pipeline'
>;

/** What the Pipeline says about one of its tasks. */
const compilePipelineTask = (
  { task, section, path, needs, resultsOf }: LinkedTask,
  compiler: TextCompiler,
  timeouts: Plan['timeouts'],
  report: Report,
): PipelineTaskParts => {
  const under = reportUnder(report, path);
  const given: Params = new Map(
    (task.params ?? []).map(({ name, value }, index) => [
      name,
      compiler.value(value, [...path, 'params', index, 'value']),
    ]),
  );
  const { displayName } = task;
  // A name for people may wait for a result; it is shown as written then.
  const shown =
    displayName === undefined
      ? undefined
      : (settledText(compiler.text(displayName, [...path, 'displayName'])) ?? displayName);
  return {
    name: task.name,
    ...(shown === undefined ? {} : { displayName: shown }),
    finally: section === 'finally',
    needs,
    resultsOf,
    when: compileWhen(task.when ?? [], compiler, [...path, 'when'], report),
    retries: task.retries ?? 0,
    timeout: durationOf(task.timeout, ['timeout'], under) ?? taskTimeout(timeouts, section),
    onError: oneOf(ON_ERROR, task.onError, compiler, [...path, 'onError'], report) ?? 'stopAndFail',
    given,
    mapped: task.workspaces ?? [],
    pipeline: compiler,
  };
};

const compileWhen = (
  when: readonly WhenExpression[],
  compiler: TextCompiler,
  path: Path,
  report: Report,
): readonly PlanWhen[] =>
  when.flatMap(({ input, operator, values, cel }, index): readonly PlanWhen[] => {
    const at = [...path, index];
    if (cel !== undefined && cel !== '') {
      report('unsupported-field', 'CEL is not supported yet', [...at, 'cel']);
      return [];
    }
    if (operator === undefined) {
      report('bad-value', 'operator must be in or notin', [...at, 'operator']);
      return [];
    }
    return [
      {
        input: compiler.text(input ?? '', [...at, 'input']),
        operator,
        values: compiler.items(values ?? [], [...at, 'values']),
      },
    ];
  });

const compileResults = (
  results: NonNullable<Pipeline['spec']['results']>,
  compiler: TextCompiler,
  report: Report,
): Plan['results'] =>
  results.map(({ name, type, value }, index) => {
    const path = ['spec', 'results', index, 'value'];
    const compiled = compiler.value(value, path);
    const found = typeOfValue(compiled);
    if (type !== undefined && type !== found) {
      report('result-type', `result "${name}" is ${type}, and its value is ${found}`, path);
    }
    return { name, type: type ?? found, value: compiled };
  });

/** Params that a referenced Task does not declare: Tekton takes them, and they are often typing errors. */
const warnExtra = (
  { object, source }: ResolvedObject<Task>,
  given: Params,
  { task, path }: { readonly task: PipelineTask; readonly path: Path },
  report: Report,
): void => {
  (task.params ?? []).forEach(({ name }, index) => {
    if (!given.has(name) || object.spec.params?.some((spec) => spec.name === name)) return;
    report('unknown-param', `Task "${source.name}" has no param "${name}"`, [...path, 'params', index], 'warning');
  });
};
