import type { Path } from '../core/index.ts';
import { checkCall, shapesOfParams } from './call.ts';
import { findCycle } from './cycle.ts';
import { collect, type Found, type Report, type Strictness } from './finding.ts';
import { didYouMean } from './nearest.ts';
import { embeddedResults, type PipelineView, type Place, pipelineScope, viewOf } from './pipeline-scope.ts';
import {
  checkChoice,
  checkDuration,
  checkNames,
  checkOneOf,
  checkParamSpecs,
  checkReference,
  checkWhen,
  LABEL,
  PARAM,
  RESULT,
  WORKSPACE,
} from './rules.ts';
import type { Scope } from './scope.ts';
import type { Surroundings } from './task-scope.ts';
import { textsOf, textsOfValue } from './texts.ts';
import type { Param, PipelineSpec, PipelineTask, TaskSpec } from './types.ts';
import { validateTaskSpec } from './validate-task.ts';
import { expressionsIn } from './variables.ts';
import { checkTexts } from './variables-check.ts';

/** A Pipeline's spec by itself. `around` is what an embedded one sees of its run. */
export const validatePipelineSpec = (
  spec: PipelineSpec,
  path: Path,
  strictness: Strictness,
  around: Omit<Surroundings, 'outer'> = {},
): Found[] => {
  const { found, report } = collect();
  const view = viewOf(spec, around, embeddedResults);
  checkParamSpecs(spec.params, [...path, 'params'], report);
  checkNames(spec.workspaces, 'workspaces', WORKSPACE, [...path, 'workspaces'], report);
  checkNames(spec.results, 'results', RESULT, [...path, 'results'], report);
  checkTaskNames(spec, path, report);
  checkGraph(spec, path, report);
  const sections = (['tasks', 'finally'] as const).flatMap((section) =>
    (spec[section] ?? []).map((task, index) => ({ task, section, at: [...path, section, index] })),
  );
  for (const { task, at } of sections) validatePipelineTask(task, view, at, report);
  return [
    ...found,
    ...sections.flatMap(({ task, section, at }) => [
      ...taskVariables(task, at, pipelineScope(view, section), strictness),
      ...validateEmbedded(task, section, view, at, strictness),
    ]),
    ...(spec.results ?? []).flatMap(({ value }, index) =>
      checkTexts(textsOfValue(value, [...path, 'results', index, 'value']), pipelineScope(view, 'results'), strictness),
    ),
    ...(spec.params ?? []).flatMap((param, index) => {
      const texts = textsOfValue(param.default, [...path, 'params', index, 'default']);
      return checkTexts(texts, pipelineScope(view, 'results'), strictness, () => 'default');
    }),
  ];
};

/** Names of all tasks, `finally` included, share one space. */
const checkTaskNames = (spec: PipelineSpec, path: Path, report: Report): void => {
  checkNames(spec.tasks, 'tasks', LABEL, [...path, 'tasks'], report);
  checkNames(spec.finally, 'tasks', LABEL, [...path, 'finally'], report);
  const names = new Set(spec.tasks.map(({ name }) => name));
  spec.finally?.forEach(({ name }, index) => {
    if (!names.has(name)) return;
    report('duplicate-name', [...path, 'finally', index, 'name'], `there are two tasks named "${name}"`);
  });
};

/** `unknown-task` in `runAfter`, and `dag-cycle`, which names the cycle. */
const checkGraph = (spec: PipelineSpec, path: Path, report: Report): void => {
  const places = new Map(spec.tasks.map(({ name }, index) => [name, index]));
  const names = [...places.keys()];
  spec.finally?.forEach(({ runAfter }, index) => {
    if (runAfter === undefined || runAfter.length === 0) return;
    report('bad-value', [...path, 'finally', index, 'runAfter'], 'finally tasks have no order', { part: 'key' });
  });
  const needs = spec.tasks.map((task, index) => {
    const after = (task.runAfter ?? []).flatMap((name, at) => {
      const place = places.get(name);
      if (place !== undefined) return [place];
      const where = [...path, 'tasks', index, 'runAfter', at];
      report('unknown-task', where, `there is no task "${name}"`, didYouMean(name, names));
      return [];
    });
    return [...after, ...tasksUsedBy(task).flatMap((name) => places.get(name) ?? [])];
  });
  const cycle = findCycle(needs);
  if (cycle === undefined) return;
  const chain = [...cycle, cycle[0] as number].map((index) => spec.tasks[index]?.name).join(' → ');
  report('dag-cycle', [...path, 'tasks', cycle[0] as number, 'name'], `tasks wait for each other: ${chain}`);
};

/** Names of the tasks whose results a pipeline task uses, anywhere in it. */
const tasksUsedBy = (task: PipelineTask): string[] => [
  ...new Set(
    textsOf(task, [], ['name', 'description', 'runAfter']).flatMap(({ text }) =>
      expressionsIn(text).flatMap(({ variable }) =>
        variable.kind === 'task-result' && variable.section === 'tasks' ? [variable.task] : [],
      ),
    ),
  ),
];

const validatePipelineTask = (task: PipelineTask, view: PipelineView, path: Path, report: Report): void => {
  if (task.name === undefined || task.name === '') {
    report('required-field', [...path, 'name'], 'a task of a Pipeline has a name');
  }
  const fields = task as unknown as Record<string, unknown>;
  checkOneOf(fields, ['taskRef', 'taskSpec', 'pipelineRef', 'pipelineSpec'], path, report);
  checkReference(task.taskRef, [...path, 'taskRef'], report);
  checkNames(task.params, 'params', PARAM, [...path, 'params'], report);
  checkWhen(task.when, [...path, 'when'], report);
  checkDuration(task.timeout, [...path, 'timeout'], report);
  checkChoice(task.onError, ['continue', 'stopAndFail'], [...path, 'onError'], report);
  if (task.retries !== undefined && task.retries < 0) {
    report('bad-value', [...path, 'retries'], 'the number of retries is negative');
  }
  if (task.onError === 'continue' && (task.retries ?? 0) > 0) {
    report('exclusive-fields', [...path, 'onError'], 'onError: continue and retries exclude each other');
  }
  checkNames(task.workspaces, 'workspaces', WORKSPACE, [...path, 'workspaces'], report);
  task.workspaces?.forEach(({ name, workspace }, index) => {
    const wanted = workspace === undefined || workspace === '' ? name : workspace;
    if (view.workspaces.includes(wanted)) return;
    const field = wanted === workspace ? 'workspace' : 'name';
    const hint = didYouMean(wanted, view.workspaces);
    report(
      'unknown-workspace',
      [...path, 'workspaces', index, field],
      `the Pipeline has no workspace "${wanted}"`,
      hint,
    );
  });
};

/** Variables of a pipeline task without its embedded spec. */
export const taskVariables = (task: PipelineTask, path: Path, scope: Scope, strictness: Strictness): Found[] => {
  const values = (params: PipelineTask['params'], at: Path) =>
    (params ?? []).flatMap(({ value }, index) => textsOfValue(value, [...at, index, 'value']));
  const texts = [
    ...textsOf(task.displayName, [...path, 'displayName']),
    ...textsOf(task.onError, [...path, 'onError']),
    ...textsOf(task.timeout, [...path, 'timeout']),
    ...textsOf(task.when, [...path, 'when']),
    ...textsOf(task.workspaces, [...path, 'workspaces']),
    ...textsOf(task.taskRef?.name, [...path, 'taskRef', 'name']),
    ...values(task.params, [...path, 'params']),
    ...values(task.taskRef?.params, [...path, 'taskRef', 'params']),
    // In a matrix a whole array is spread over runs, so every text may be one.
    ...textsOf(matrixOf(task), [...path, 'matrix']).map((text) => ({ ...text, slot: 'value' as const })),
  ];
  return checkTexts(texts, scope, strictness);
};

interface Matrix {
  readonly params?: readonly Param[];
  readonly include?: readonly { readonly params?: readonly Param[] }[];
}

/** Our types have no matrix, as no run has one yet; what is checked is that its params are given to the Task. */
const matrixOf = (task: PipelineTask): Matrix | undefined => (task as { readonly matrix?: Matrix }).matrix;

/** The params that a pipeline task gives to its Task, those of its matrix included: each of these is a string there. */
export const paramsGiven = (task: PipelineTask): readonly Param[] => {
  const { params = [], include = [] } = matrixOf(task) ?? {};
  const spread = [...params, ...include.flatMap((row) => row.params ?? [])];
  return [...(task.params ?? []), ...spread.map(({ name }) => ({ name, value: '' }))];
};

/** An embedded spec: what it sees is its own, what its task is given, and what its Pipeline has. */
const validateEmbedded = (
  task: PipelineTask,
  place: Place,
  view: PipelineView,
  path: Path,
  strictness: Strictness,
): Found[] => {
  const { taskSpec } = task;
  if (taskSpec === undefined || isCustom(taskSpec)) return [];
  const params = new Map([...view.params, ...shapesOfParams(paramsGiven(task))]);
  const mapped = (task.workspaces ?? []).map(({ name }) => name);
  const around: Surroundings = {
    params,
    workspaces: [...view.workspaces, ...mapped],
    outer: pipelineScope(view, place),
  };
  const subject = `the spec of task "${task.name}"`;
  return [
    ...validateTaskSpec(taskSpec, [...path, 'taskSpec'], strictness, around),
    ...checkCall({
      specs: taskSpec.params,
      given: paramsGiven(task),
      subject,
      path,
      propagated: view.params,
      strict: false,
    }),
    ...missingWorkspaces(taskSpec, [...view.workspaces, ...mapped], subject, path),
  ];
};

const isCustom = (spec: TaskSpec): boolean => (spec as { apiVersion?: string }).apiVersion !== undefined;

/** `missing-workspace` for each workspace of a Task that is not optional and that nobody gives. */
export const missingWorkspaces = (
  { workspaces }: TaskSpec,
  given: readonly string[],
  subject: string,
  path: Path,
): Found[] =>
  (workspaces ?? [])
    .filter(({ name, optional }) => optional !== true && !given.includes(name))
    .map(({ name }) => ({
      code: 'missing-workspace',
      severity: 'error',
      path,
      message: `${subject} needs the workspace "${name}"`,
    }));
