import type { Path } from '../core/index.ts';
import { checkCall, shapesOfParams } from './call.ts';
import { collect, type Found, type Report, type Strictness } from './finding.ts';
import { templateVolumesFound } from './reserved.ts';
import { checkDuration, checkNames, checkOneOf, checkReference, PARAM, WORKSPACE } from './rules.ts';
import type { PipelineRun, TaskRun, WorkspaceBinding } from './types.ts';
import { missingWorkspaces, validatePipelineSpec } from './validate-pipeline.ts';
import { validateTaskSpec } from './validate-task.ts';

/** A TaskRun by itself: an embedded spec sees the run's params and workspaces. */
export const validateTaskRun = ({ spec }: TaskRun, strictness: Strictness): Found[] => {
  const { found, report } = collect();
  const path = ['spec'];
  checkOneOf({ ...spec }, ['taskRef', 'taskSpec'], path, report);
  checkReference(spec.taskRef, [...path, 'taskRef'], report);
  checkNames(spec.params, 'params', PARAM, [...path, 'params'], report);
  checkBindings(spec.workspaces, [...path, 'workspaces'], report);
  checkDuration(spec.timeout, [...path, 'timeout'], report);
  if ((spec.retries ?? 0) < 0) report('bad-value', [...path, 'retries'], 'the number of retries is negative');
  found.push(...templateVolumesFound(spec.podTemplate ?? {}, [...path, 'podTemplate'], strictness, report));
  if (spec.taskSpec === undefined) return found;
  const workspaces = (spec.workspaces ?? []).map(({ name }) => name);
  const subject = 'the spec of the run';
  return [
    ...found,
    ...validateTaskSpec(spec.taskSpec, [...path, 'taskSpec'], strictness, {
      params: shapesOfParams(spec.params),
      workspaces,
    }),
    ...checkCall({ specs: spec.taskSpec.params, given: spec.params, subject, path, strict: false }),
    ...missingWorkspaces(spec.taskSpec, workspaces, subject, path),
  ];
};

/** A PipelineRun by itself: an embedded spec sees the run's params and workspaces. */
export const validatePipelineRun = ({ spec }: PipelineRun, strictness: Strictness): Found[] => {
  const { found, report } = collect();
  const path = ['spec'];
  checkOneOf({ ...spec }, ['pipelineRef', 'pipelineSpec'], path, report);
  checkReference(spec.pipelineRef, [...path, 'pipelineRef'], report);
  checkNames(spec.params, 'params', PARAM, [...path, 'params'], report);
  checkBindings(spec.workspaces, [...path, 'workspaces'], report);
  for (const [field, text] of Object.entries(spec.timeouts ?? {})) {
    checkDuration(text, [...path, 'timeouts', field], report);
  }
  const template = spec.taskRunTemplate?.podTemplate ?? {};
  found.push(...templateVolumesFound(template, [...path, 'taskRunTemplate', 'podTemplate'], strictness, report));
  if (spec.pipelineSpec === undefined) return found;
  const workspaces = (spec.workspaces ?? []).map(({ name }) => name);
  const subject = 'the spec of the run';
  return [
    ...found,
    ...validatePipelineSpec(spec.pipelineSpec, [...path, 'pipelineSpec'], strictness, {
      params: shapesOfParams(spec.params),
      workspaces,
    }),
    ...checkCall({ specs: spec.pipelineSpec.params, given: spec.params, subject, path, strict: false }),
    ...(spec.pipelineSpec.workspaces ?? [])
      .filter(({ name, optional }) => optional !== true && !workspaces.includes(name))
      .map(
        ({ name }): Found => ({
          code: 'missing-workspace',
          severity: 'error',
          path,
          message: `${subject} needs the workspace "${name}"`,
        }),
      ),
  ];
};

const SOURCES = [
  'emptyDir',
  'persistentVolumeClaim',
  'volumeClaimTemplate',
  'configMap',
  'secret',
  'projected',
  'csi',
] as const;

const checkBindings = (bindings: readonly WorkspaceBinding[] | undefined, path: Path, report: Report): void => {
  checkNames(bindings, 'workspaces', WORKSPACE, path, report);
  bindings?.forEach((binding, index) => {
    const at = [...path, index];
    checkOneOf({ ...binding }, SOURCES, at, report);
    if (binding.configMap !== undefined && !isNamed(binding.configMap.name)) {
      report('required-field', [...at, 'configMap', 'name'], 'the ConfigMap needs a name');
    }
    if (binding.secret !== undefined && !isNamed(binding.secret.secretName)) {
      report('required-field', [...at, 'secret', 'secretName'], 'the Secret needs a name');
    }
  });
};

const isNamed = (name: string | undefined): boolean => name !== undefined && name !== '';
