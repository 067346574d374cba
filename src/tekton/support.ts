import type { Path } from '../core/index.ts';
import type { Found, Strictness } from './finding.ts';
import type { TektonObject } from './types.ts';

/** A field of Tekton's API that Waybill does not run yet. `*` in the pattern is any item or key. */
interface Gap {
  readonly at: string;
  readonly what: string;
  /** Which values are meant; any by default. */
  readonly when?: (value: unknown) => boolean;
}

const HERMETIC = 'experimental.tekton.dev/execution-mode';

const TASK: readonly Gap[] = [
  { at: 'sidecars', what: 'sidecars' },
  { at: 'steps.*.ref', what: 'StepActions' },
  { at: 'steps.*.params', what: 'params of StepActions' },
  { at: 'steps.*.when', what: 'conditions of steps' },
  { at: 'steps.*.workspaces', what: 'workspaces of one step alone' },
  { at: 'steps.*.stdoutConfig', what: 'redirected output of steps' },
  { at: 'steps.*.stderrConfig', what: 'redirected output of steps' },
  { at: 'steps.*.envFrom', what: 'environment from a whole ConfigMap or Secret' },
  { at: 'steps.*.volumeDevices', what: 'block devices' },
  { at: 'stepTemplate.envFrom', what: 'environment from a whole ConfigMap or Secret' },
  { at: 'stepTemplate.volumeDevices', what: 'block devices' },
];

const EMBEDDED: readonly Gap[] = [
  ...TASK,
  { at: 'apiVersion', what: 'custom tasks' },
  { at: 'kind', what: 'custom tasks' },
  { at: 'spec', what: 'custom tasks' },
];

const REFERENCE: readonly Gap[] = [
  { at: 'apiVersion', what: 'custom tasks', when: (value) => !String(value).startsWith('tekton.dev/') },
  { at: 'kind', what: 'custom tasks and ClusterTasks', when: (value) => value !== 'Task' && value !== '' },
];

const PIPELINE_TASK: readonly Gap[] = [
  { at: 'matrix', what: 'matrices' },
  { at: 'pipelineRef', what: 'Pipelines in Pipelines' },
  { at: 'pipelineSpec', what: 'Pipelines in Pipelines' },
  { at: 'when.*.cel', what: 'CEL expressions' },
  ...below('taskRef', REFERENCE),
  ...below('taskSpec', EMBEDDED),
];

const PIPELINE: readonly Gap[] = [...below('tasks.*', PIPELINE_TASK), ...below('finally.*', PIPELINE_TASK)];

const RUN: readonly Gap[] = [
  { at: 'status', what: 'runs that start as pending or cancelled' },
  { at: 'managedBy', what: 'runs that another controller manages', when: (value) => value !== 'tekton.dev/pipeline' },
  { at: 'workspaces.*.projected', what: 'projected workspaces' },
  { at: 'workspaces.*.csi', what: 'CSI workspaces' },
];

const TASK_RUN: readonly Gap[] = [
  ...RUN,
  { at: 'statusMessage', what: 'runs that start as pending or cancelled' },
  { at: 'debug', what: 'breakpoints' },
  { at: 'computeResources', what: 'resources of a whole Task' },
  { at: 'stepSpecs', what: 'overrides of steps' },
  { at: 'sidecarSpecs', what: 'overrides of sidecars' },
  { at: 'podTemplate.hostUsers', what: 'user namespaces' },
  ...below('taskRef', REFERENCE),
  ...below('taskSpec', TASK),
];

const PIPELINE_RUN: readonly Gap[] = [
  ...RUN,
  { at: 'taskRunSpecs', what: 'settings of single tasks' },
  { at: 'taskRunTemplate.podTemplate.hostUsers', what: 'user namespaces' },
  ...below('pipelineSpec', PIPELINE),
];

const ANNOTATIONS: readonly Gap[] = [{ at: HERMETIC, what: 'hermetic runs' }];

/** All gaps by kind, from the object's root: the one list of what Waybill cannot run yet. */
const GAPS: Record<TektonObject['kind'], readonly Gap[]> = {
  Task: below('spec', TASK),
  Pipeline: below('spec', PIPELINE),
  StepAction: [],
  TaskRun: below('spec', TASK_RUN),
  PipelineRun: below('spec', PIPELINE_RUN),
};

/**
 * `unsupported-field` for each field that Tekton knows and Waybill does not run yet: an error where the object is to
 * run, a warning where it is only looked at or packed. Nothing of it is ever silently left out.
 */
export const findUnsupported = (object: TektonObject, strictness: Strictness): Found[] => [
  ...GAPS[object.kind].flatMap((gap) => findGap(object, gap.at.split('.'), gap, strictness)),
  ...ANNOTATIONS.filter(({ at }) => object.metadata.annotations?.[at] !== undefined).map((gap) =>
    unsupported(['metadata', 'annotations', gap.at], gap, strictness),
  ),
];

const findGap = (
  value: unknown,
  pattern: readonly string[],
  gap: Gap,
  strictness: Strictness,
  at: Path = [],
): Found[] => {
  const [step, ...rest] = pattern;
  if (step === undefined)
    return gap.when?.(value) === false || isEmpty(value) ? [] : [unsupported(at, gap, strictness)];
  if (value === null || typeof value !== 'object') return [];
  if (step === '*' && Array.isArray(value)) {
    return value.flatMap((item, index) => findGap(item, rest, gap, strictness, [...at, index]));
  }
  const inner = Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined;
  return inner === undefined ? [] : findGap(inner, rest, gap, strictness, [...at, step]);
};

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.length === 0);

const unsupported = (path: Path, { what }: Gap, strictness: Strictness): Found => ({
  code: 'unsupported-field',
  severity: strictness === 'run' ? 'error' : 'warning',
  path,
  part: 'key',
  message: `not supported yet: ${what}`,
});

function below(prefix: string, gaps: readonly Gap[]): Gap[] {
  return gaps.map((gap) => ({ ...gap, at: `${prefix}.${gap.at}` }));
}
