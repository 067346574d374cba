import type { ResultSpec, Step, Variable } from '../tekton/index.ts';
import type { Found, Scope } from './compile-text.ts';
import { findParam, type ParamLookup, problem, textOf } from './params.ts';

/** What a Pipeline's own texts see. */
export interface PipelineContext {
  readonly run: { readonly name: string; readonly namespace: string; readonly uid: string };
  /** Name of the Pipeline. */
  readonly pipeline: string;
  /** Whether a workspace of the run is bound; undefined for one that does not exist. */
  readonly bound: (workspace: string) => boolean | undefined;
  /** Tasks by the name they have in the Pipeline. */
  readonly task: (name: string) => TaskLink | undefined;
  /** Where the text stands. */
  readonly place: 'task' | 'finally' | 'results';
  /** Retries of the pipeline task that the text belongs to. */
  readonly retries?: number;
  /** Whether that pipeline task has its spec inline: only then Tekton fills in its retry count. */
  readonly embedded?: boolean;
}

/** A task of the Pipeline as other tasks see it. `results` is undefined where its Task could not be resolved. */
interface TaskLink {
  readonly id: number;
  readonly finally: boolean;
  readonly results?: readonly ResultSpec[];
}

/** What a Task's texts see. */
export interface TaskContext {
  readonly taskRun: { readonly name: string; readonly namespace: string; readonly uid: string };
  /** Name of the Task. */
  readonly task: string;
  readonly retries: number;
  readonly results: readonly ResultSpec[];
  readonly workspaces: ReadonlyMap<string, WorkspaceView>;
  readonly steps: readonly Pick<Step, 'name' | 'results'>[];
  /** Index of the step that the text belongs to; results of earlier steps can be used. Without it, of all. */
  readonly step?: number;
  /** What an embedded spec sees beyond that: its Pipeline's scope. */
  readonly outer?: Scope;
}

/** A workspace as `$(workspaces.…)` sees it. */
export interface WorkspaceView {
  readonly bound: boolean;
  readonly path: string;
  readonly claim: string;
  readonly volume: string;
}

/** The scope of a Pipeline's params, conditions and results. */
export const pipelineScope =
  (params: ParamLookup, context: PipelineContext): Scope =>
  ({ variable }) => {
    switch (variable.kind) {
      case 'param':
        return findParam(variable, params);
      case 'workspace': {
        const bound = context.bound(variable.workspace);
        if (bound === undefined) return problem('unknown-workspace', 'there is no such workspace');
        return variable.property === 'bound' ? textOf(String(bound)) : { kind: 'literal' };
      }
      case 'task-result':
        return taskResult(variable, context);
      case 'task-status':
        return taskState(variable.task, context, (id) => ({ kind: 'text', text: [{ status: id ?? 'all' }] }));
      case 'task-reason':
        return taskState(variable.task, context, (id) => ({ kind: 'text', text: [{ reason: id as number }] }));
      case 'context':
        return pipelineContext(variable, context);
      case 'unsupported':
        return unsupported(variable);
      case 'result-path':
      case 'step-result-path':
      case 'step-result':
      case 'exit-code-path':
      case 'credentials-path':
      case 'unknown':
        return { kind: 'literal' };
    }
  };

/** The scope of a Task's steps, volumes and results. */
export const taskScope =
  (params: ParamLookup, context: TaskContext): Scope =>
  (expression) => {
    const { variable } = expression;
    switch (variable.kind) {
      case 'param':
        return findParam(variable, params);
      case 'result-path':
        return context.results.some(({ name }) => name === variable.result)
          ? textOf(`/tekton/results/${variable.result}`)
          : problem('unknown-result', `the Task has no result "${variable.result}"`);
      case 'step-result-path':
        return stepResultPath(variable.result, context);
      case 'workspace': {
        const workspace = context.workspaces.get(variable.workspace);
        if (workspace === undefined) return problem('unknown-workspace', 'there is no such workspace');
        return textOf(String(workspace[variable.property]));
      }
      case 'step-result':
        return stepResult(variable, context);
      case 'exit-code-path':
        return context.steps.some((step, index) => containerName(step, index) === variable.container)
          ? textOf(`/tekton/steps/${variable.container}/exitCode`)
          : problem('unknown-step', `there is no step container "${variable.container}"`);
      case 'context':
        return taskContext(variable, context) ?? context.outer?.(expression) ?? { kind: 'literal' };
      case 'task-result':
      case 'task-status':
      case 'task-reason':
        return (
          context.outer?.(expression) ?? problem('unknown-variable', 'a Task sees other tasks only if it is embedded')
        );
      case 'credentials-path':
        return problem('unsupported-variable', 'credentials of the service account are not supported yet');
      case 'unsupported':
        return unsupported(variable);
      case 'unknown':
        return { kind: 'literal' };
    }
  };

/** `step-build`, or `step-unnamed-0` for a step without a name. */
export const containerName = ({ name }: Pick<Step, 'name'>, index: number): string =>
  `step-${name === undefined || name === '' ? `unnamed-${index}` : name}`;

const unsupported = ({ what }: Extract<Variable, { kind: 'unsupported' }>): Found =>
  problem('unsupported-variable', `${what} variables are not supported yet`);

const pipelineContext = (
  { of, property }: Extract<Variable, { kind: 'context' }>,
  { run, pipeline, retries, embedded }: PipelineContext,
): Found => {
  switch (of) {
    case 'pipelineRun':
      return textOf(run[property as 'name' | 'namespace' | 'uid']);
    case 'pipeline':
      return textOf(pipeline);
    case 'pipelineTask':
      return retries === undefined ? { kind: 'literal' } : textOf(String(retries));
    case 'task':
      return property === 'retry-count' && embedded === true ? retryCount(retries ?? 0) : { kind: 'literal' };
    case 'taskRun':
      return { kind: 'literal' };
  }
};

const taskContext = (
  { of, property }: Extract<Variable, { kind: 'context' }>,
  { taskRun, task, retries }: TaskContext,
): Found | undefined => {
  switch (of) {
    case 'taskRun':
      return textOf(taskRun[property as 'name' | 'namespace' | 'uid']);
    case 'task':
      return property === 'name' ? textOf(task) : retryCount(retries);
    case 'pipelineRun':
    case 'pipeline':
    case 'pipelineTask':
      return undefined;
  }
};

/** Without retries the count is known: always 0. */
const retryCount = (retries: number): Found =>
  retries === 0 ? textOf('0') : { kind: 'text', text: [{ retryCount: true }] };

const taskState = (
  name: string | undefined,
  context: PipelineContext,
  found: (id: number | undefined) => Found,
): Found => {
  if (context.place !== 'finally') return problem('unknown-variable', 'only finally tasks see the state of tasks');
  if (name === undefined) return found(undefined);
  const task = context.task(name);
  if (task === undefined || task.finally) return problem('unknown-task', `there is no task "${name}"`);
  return found(task.id);
};

const taskResult = (variable: Extract<Variable, { kind: 'task-result' }>, context: PipelineContext): Found => {
  const { task: name, section } = variable;
  const task = context.task(name);
  if (task === undefined || task.finally !== (section === 'finally')) {
    return problem('unknown-task', `there is no task "${name}" in ${section}`);
  }
  if (task.finally && context.place !== 'results') {
    return problem('unknown-task', 'results of finally tasks can be used in results of the Pipeline only');
  }
  return resultOf({ task: task.id }, variable, task.results, `task "${name}"`);
};

const stepResult = (variable: Extract<Variable, { kind: 'step-result' }>, context: TaskContext): Found => {
  const step = context.steps.findIndex((candidate, index) => stepName(candidate, index) === variable.step);
  if (step < 0) return problem('unknown-step', `there is no step "${variable.step}"`);
  if (context.step !== undefined && step >= context.step) {
    return problem('unknown-step', `step "${variable.step}" does not come before this one`);
  }
  return resultOf({ step }, variable, context.steps[step]?.results ?? [], `step "${variable.step}"`);
};

const stepResultPath = (result: string, { step: index, steps }: TaskContext): Found => {
  const step = index === undefined ? undefined : steps[index];
  if (index === undefined || step === undefined) return { kind: 'literal' };
  return step.results?.some(({ name }) => name === result)
    ? textOf(`/tekton/steps/${containerName(step, index)}/results/${result}`)
    : problem('unknown-result', `the step has no result "${result}"`);
};

const stepName = (step: Pick<Step, 'name'>, index: number): string => containerName(step, index).slice('step-'.length);

type Owner = { readonly task: number } | { readonly step: number };

/** A result by its declared type; names with dots are found by their plain spelling too. */
const resultOf = (
  owner: Owner,
  { result: plain, access: written }: Extract<Variable, { kind: 'task-result' | 'step-result' }>,
  specs: readonly ResultSpec[] | undefined,
  subject: string,
): Found => {
  const dotted = written?.kind === 'key' ? `${plain}.${written.key}` : plain;
  const whole = specs?.find(({ name }) => name === dotted);
  const spec = whole ?? specs?.find(({ name }) => name === plain);
  const result = spec?.name ?? plain;
  const access = whole === undefined ? written : whole.name === plain ? written : undefined;
  if (specs !== undefined && spec === undefined) {
    return problem('unknown-result', `${subject} has no result "${plain}"`);
  }
  const type = spec?.type ?? (access?.kind === 'key' ? 'object' : access === undefined ? 'string' : 'array');
  switch (type) {
    case 'string':
      if (access === undefined) return { kind: 'text', text: [{ ...owner, result }] };
      return problem('result-type', `result "${result}" of ${subject} is a string`);
    case 'array':
      if (access?.kind === 'index') return { kind: 'text', text: [{ ...owner, result, index: access.index }] };
      if (access?.kind === 'whole') return { kind: 'items', items: [{ splat: { ...owner, result } }] };
      return problem('result-type', `result "${result}" of ${subject} is an array: write [*] or an index`);
    case 'object':
      if (access?.kind === 'key') return { kind: 'text', text: [{ ...owner, result, key: access.key }] };
      if (access?.kind === 'whole') return wholeObject(owner, result, spec);
      return problem('result-type', `result "${result}" of ${subject} is an object: write [*] or a key`);
  }
};

const wholeObject = (owner: Owner, result: string, spec: ResultSpec | undefined): Found => {
  if ('task' in owner) return { kind: 'object', value: { kind: 'whole', task: owner.task, result } };
  const keys = Object.keys(spec?.properties ?? {});
  const entries = keys.map((key) => [key, [{ step: owner.step, result, key }]] as const);
  return { kind: 'object', value: { kind: 'object', entries: Object.fromEntries(entries) } };
};
