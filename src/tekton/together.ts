import type { Diagnostic, Path } from '../core/index.ts';
import { checkCall } from './call.ts';
import type { Found } from './finding.ts';
import type { LoadedObject } from './load.ts';
import { didYouMean } from './nearest.ts';
import { pipelineScope, type ResultsOf, viewOf } from './pipeline-scope.ts';
import { targetOf } from './references.ts';
import { textsOfValue } from './texts.ts';
import type { Param, Pipeline, PipelineSpec, PipelineTask, Reference, Task, TektonObject } from './types.ts';
import { missingWorkspaces, paramsGiven, taskVariables } from './validate-pipeline.ts';
import { checkTexts } from './variables-check.ts';

/** Finds a Task or Pipeline by name among the objects at hand. */
export type Find = <K extends 'Task' | 'Pipeline'>(
  kind: K,
  name: string,
) => Extract<TektonObject, { kind: K }> | undefined;

/**
 * How objects that are at hand fit together: `duplicate-object`, and for each reference by name to one of them the
 * params (`missing-param`, `param-type`, `unknown-param`), the workspaces (`missing-workspace`, `unknown-workspace`)
 * and the results that others use (`unknown-result`, `result-type`). What is not at hand is not judged.
 */
export const checkTogether = (objects: readonly LoadedObject[]): Diagnostic[] => {
  const byName = new Map<string, LoadedObject>();
  const duplicates: Diagnostic[] = [];
  for (const loaded of objects) {
    const { kind, metadata } = loaded.object;
    if (metadata.name === undefined || metadata.name === '') continue;
    const key = `${kind}/${metadata.name}`;
    const first = byName.get(key);
    if (first === undefined) byName.set(key, loaded);
    else {
      const line = first.document.rangeOf(['metadata', 'name']).start.line;
      const message = `there is a ${kind} "${metadata.name}" already, at ${first.file}:${line}`;
      duplicates.push(loaded.diagnose(['metadata', 'name'], { code: 'duplicate-object', severity: 'error', message }));
    }
  }
  const find: Find = (kind, name) => byName.get(`${kind}/${name}`)?.object as never;
  return [
    ...duplicates,
    ...objects.flatMap((loaded) =>
      checkUses(loaded.object, find).map(({ path, ...finding }) => loaded.diagnose(path, finding)),
    ),
  ];
};

/** How one object uses those that `find` knows. Paths are those of the object. */
export const checkUses = (object: TektonObject, find: Find): Found[] => {
  switch (object.kind) {
    case 'Pipeline':
      return checkPipeline(object.spec, ['spec'], find);
    case 'TaskRun': {
      const task = named('Task', object.spec.taskRef, find);
      if (task === undefined) return [];
      const workspaces = (object.spec.workspaces ?? []).map(({ name }) => name);
      return [...callOf(task, object.spec.params, ['spec']), ...checkWorkspaces(task, workspaces, [], ['spec'])];
    }
    case 'PipelineRun': {
      const pipeline = named('Pipeline', object.spec.pipelineRef, find);
      const workspaces = (object.spec.workspaces ?? []).map(({ name }) => name);
      return [
        ...(pipeline === undefined
          ? []
          : [...callOf(pipeline, object.spec.params, ['spec']), ...missingOfPipeline(pipeline, workspaces, ['spec'])]),
        ...(object.spec.pipelineSpec === undefined
          ? []
          : checkPipeline(object.spec.pipelineSpec, ['spec', 'pipelineSpec'], find)),
      ];
    }
    case 'Task':
    case 'StepAction':
      return [];
  }
};

const named = <K extends 'Task' | 'Pipeline'>(kind: K, reference: Reference | undefined, find: Find) => {
  if (reference === undefined) return undefined;
  const target = targetOf(kind, reference);
  return target.kind === 'name' ? find(kind, target.name) : undefined;
};

const subjectOf = ({ kind, metadata }: Task | Pipeline): string => `${kind} "${metadata.name}"`;

const callOf = (called: Task | Pipeline, given: readonly Param[] | undefined, path: Path): Found[] =>
  checkCall({ specs: called.spec.params, given, subject: subjectOf(called), path });

const missingOfPipeline = (pipeline: Pipeline, given: readonly string[], path: Path): Found[] =>
  (pipeline.spec.workspaces ?? [])
    .filter(({ name, optional }) => optional !== true && !given.includes(name))
    .map(({ name }) => ({
      code: 'missing-workspace',
      severity: 'error',
      path,
      message: `${subjectOf(pipeline)} needs the workspace "${name}"`,
    }));

const checkWorkspaces = (task: Task, given: readonly string[], mapped: readonly string[], path: Path): Found[] => {
  const known = (task.spec.workspaces ?? []).map(({ name }) => name);
  return [
    ...missingWorkspaces(task.spec, given, subjectOf(task), path),
    ...mapped.flatMap((name, index): Found[] => {
      if (known.includes(name)) return [];
      return [
        {
          code: 'unknown-workspace',
          severity: 'error',
          path: [...path, 'workspaces', index, 'name'],
          message: `${subjectOf(task)} has no workspace "${name}"`,
          ...didYouMean(name, known),
        },
      ];
    }),
  ];
};

const checkPipeline = (spec: PipelineSpec, path: Path, find: Find): Found[] => {
  const calls = (['tasks', 'finally'] as const).flatMap((section) =>
    (spec[section] ?? []).flatMap((task, index) => {
      const called = named('Task', task.taskRef, find);
      if (called === undefined) return [];
      const at = [...path, section, index];
      const mapped = (task.workspaces ?? []).map(({ name }) => name);
      return [
        ...checkCall({ specs: called.spec.params, given: paramsGiven(task), subject: subjectOf(called), path: at }),
        ...checkWorkspaces(called, mapped, mapped, at),
      ];
    }),
  );
  return [...calls, ...checkResults(spec, path, find)];
};

/** Uses of results of Tasks that are at hand; those of embedded specs were judged with the Pipeline itself. */
const checkResults = (spec: PipelineSpec, path: Path, find: Find): Found[] => {
  const resultsOf: ResultsOf = (task: PipelineTask) => {
    if (task.taskRef === undefined) return undefined;
    const called = named('Task', task.taskRef, find);
    return called === undefined ? undefined : (called.spec.results ?? []);
  };
  const view = viewOf(spec, {}, resultsOf);
  const found = [
    ...(['tasks', 'finally'] as const).flatMap((section) =>
      (spec[section] ?? []).flatMap((task, index) =>
        taskVariables(task, [...path, section, index], pipelineScope(view, section), 'run'),
      ),
    ),
    ...(spec.results ?? []).flatMap(({ value }, index) =>
      checkTexts(textsOfValue(value, [...path, 'results', index, 'value']), pipelineScope(view, 'results'), 'run'),
    ),
  ];
  return found.filter(({ code }) => RESULT_CODES.includes(code));
};

const RESULT_CODES = ['unknown-result', 'result-type'];
