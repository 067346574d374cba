import { didYouMean } from './nearest.ts';
import {
  checkAccess,
  checkParam,
  leftAlone,
  type Problem,
  problem,
  reached,
  type Scope,
  type Shape,
  shapesOf,
  unsupportedVariable,
} from './scope.ts';
import type { Slot } from './texts.ts';
import type { PipelineSpec, PipelineTask, ResultSpec } from './types.ts';
import type { Expression, Variable } from './variables.ts';

/** Results that the Task of a pipeline task declares; undefined where the Task is not at hand. */
export type ResultsOf = (task: PipelineTask) => readonly ResultSpec[] | undefined;

/** Results of embedded specs; those of custom tasks are not known. */
export const embeddedResults: ResultsOf = ({ taskSpec }) =>
  taskSpec?.steps === undefined ? undefined : (taskSpec.results ?? []);

/** What the texts of a Pipeline see. */
export interface PipelineView {
  readonly params: ReadonlyMap<string, Shape>;
  readonly workspaces: readonly string[];
  readonly tasks: ReadonlyMap<string, PipelineTask>;
  readonly finally: ReadonlyMap<string, PipelineTask>;
  readonly resultsOf: ResultsOf;
}

/** The view of a Pipeline's spec; `params` and `workspaces` come from the run around it. */
export const viewOf = (
  spec: PipelineSpec,
  around: { readonly params?: ReadonlyMap<string, Shape>; readonly workspaces?: readonly string[] },
  resultsOf: ResultsOf,
): PipelineView => ({
  params: new Map([...(around.params ?? []), ...shapesOf(spec.params)]),
  workspaces: [...(spec.workspaces ?? []).map(({ name }) => name), ...(around.workspaces ?? [])],
  tasks: new Map(spec.tasks.map((task) => [task.name, task])),
  finally: new Map((spec.finally ?? []).map((task) => [task.name, task])),
  resultsOf,
});

/** Where in a Pipeline a text stands. */
export type Place = 'tasks' | 'finally' | 'results';

/** The scope of a Pipeline's texts. */
export const pipelineScope =
  (view: PipelineView, place: Place): Scope =>
  (expression, slot) => {
    const { variable } = expression;
    switch (variable.kind) {
      case 'param':
        return checkParam(variable, view.params, slot);
      case 'workspace':
        return checkWorkspace(expression, variable, view);
      case 'task-result':
        return checkTaskResult(variable, view, place, slot);
      case 'task-status':
        return variable.task === undefined
          ? onlyFinally(expression, place)
          : checkState(expression, variable.task, view, place);
      case 'task-reason':
        return checkState(expression, variable.task, view, place);
      case 'context':
        return variable.of === 'taskRun' || variable.of === 'task'
          ? leftAlone(expression, 'only a Task sees it')
          : undefined;
      case 'result-path':
      case 'step-result-path':
      case 'step-result':
      case 'exit-code-path':
      case 'credentials-path':
        return leftAlone(expression, 'only a Task sees it');
      case 'unsupported':
        return unsupportedVariable(expression);
      case 'unknown':
        return leftAlone(expression, 'there is no such variable');
    }
  };

const checkWorkspace = (
  expression: Expression,
  { workspace, property }: Extract<Variable, { kind: 'workspace' }>,
  { workspaces }: PipelineView,
): Problem | undefined => {
  if (!workspaces.includes(workspace)) {
    return problem('unknown-workspace', `there is no workspace "${workspace}"`, didYouMean(workspace, workspaces));
  }
  return property === 'bound' ? undefined : leftAlone(expression, 'a Pipeline sees only whether a workspace is bound');
};

const onlyFinally = ({ expression }: Expression, place: Place): Problem | undefined =>
  place === 'finally'
    ? undefined
    : problem('unknown-variable', `$(${expression}): only finally tasks see the state of tasks`);

const checkState = (expression: Expression, task: string, view: PipelineView, place: Place): Problem | undefined =>
  onlyFinally(expression, place) ?? (view.tasks.has(task) ? undefined : unknownTask(task, view));

const unknownTask = (name: string, view: PipelineView): Problem =>
  problem('unknown-task', `there is no task "${name}"`, didYouMean(name, [...view.tasks.keys()]));

const checkTaskResult = (
  { section, task: name, result, access: written }: Extract<Variable, { kind: 'task-result' }>,
  view: PipelineView,
  place: Place,
  slot: Slot,
): Problem | undefined => {
  if (section === 'tasks' && !view.tasks.has(name) && view.finally.has(name)) {
    const hint = place === 'results' ? { hint: `write $(finally.${name}.results.${result})` } : {};
    return problem('unknown-task', `"${name}" is a finally task: other tasks cannot use its results`, hint);
  }
  if (section === 'finally' && place !== 'results') {
    return problem('unknown-task', 'results of finally tasks can be used in results of the Pipeline only');
  }
  const task = view[section].get(name);
  if (task === undefined) return unknownTask(name, view);
  const specs = view.resultsOf(task);
  if (specs === undefined) return undefined;
  const results = shapesOf(specs);
  const found = reached(result, written, (candidate) => results.has(candidate));
  const shape = results.get(found.name);
  if (shape === undefined) {
    return problem(
      'unknown-result',
      `task "${name}" has no result "${result}"`,
      didYouMean(result, [...results.keys()]),
    );
  }
  const subject = `result "${found.name}" of task "${name}"`;
  return checkAccess({ subject, code: 'result-type', shape, access: found.access, slot, bare: false });
};
