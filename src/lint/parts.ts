import type { Path } from '../core/index.ts';
import { type Expression, expressionsIn, type Step, type TaskSpec, type TektonObject } from '../tekton/index.ts';

/** A Task's spec, its own or one that a Pipeline or a run embeds. */
export interface PlacedSpec {
  readonly spec: TaskSpec;
  readonly path: Path;
}

/** A step, sidecar or step template: what has an image, a script, an environment. */
export interface PlacedContainer {
  readonly container: Partial<Step>;
  readonly path: Path;
}

/** All specs of Tasks in an object. */
export const taskSpecsOf = (object: TektonObject): readonly PlacedSpec[] => {
  switch (object.kind) {
    case 'Task':
      return [{ spec: object.spec, path: ['spec'] }];
    case 'Pipeline':
      return embedded(object.spec, ['spec']);
    case 'TaskRun':
      return object.spec.taskSpec === undefined ? [] : [{ spec: object.spec.taskSpec, path: ['spec', 'taskSpec'] }];
    case 'PipelineRun':
      return embedded(object.spec.pipelineSpec, ['spec', 'pipelineSpec']);
    case 'StepAction':
      return [];
  }
};

type Pipelines = Extract<TektonObject, { kind: 'Pipeline' }>['spec'];

const embedded = (spec: Pipelines | undefined, path: Path): readonly PlacedSpec[] =>
  (['tasks', 'finally'] as const).flatMap((section) =>
    (spec?.[section] ?? []).flatMap(({ taskSpec }, index) =>
      // A custom task's spec has no steps.
      taskSpec?.steps === undefined ? [] : [{ spec: taskSpec, path: [...path, section, index, 'taskSpec'] }],
    ),
  );

/** The containers of a Task's spec: the step template, steps and sidecars. */
const containersOf = ({ spec, path }: PlacedSpec): readonly PlacedContainer[] => {
  const { stepTemplate, steps, sidecars = [] } = spec as TaskSpec & { readonly sidecars?: readonly Partial<Step>[] };
  const list = (containers: readonly Partial<Step>[], field: string): readonly PlacedContainer[] =>
    containers.map((container, index) => ({ container, path: [...path, field, index] }));
  return [
    ...(stepTemplate === undefined ? [] : [{ container: stepTemplate, path: [...path, 'stepTemplate'] }]),
    ...list(steps, 'steps'),
    ...list(sidecars, 'sidecars'),
  ];
};

/** All containers of an object; a StepAction is one. */
export const allContainersOf = (object: TektonObject): readonly PlacedContainer[] =>
  object.kind === 'StepAction'
    ? [{ container: object.spec as Partial<Step>, path: ['spec'] }]
    : taskSpecsOf(object).flatMap(containersOf);

/** All expressions in the texts below a value; those below `except` (a key at its top) are left out. */
export const expressionsBelow = (value: unknown, except: readonly string[] = []): readonly Expression[] => {
  if (typeof value === 'string') return expressionsIn(value);
  if (Array.isArray(value)) return value.flatMap((item) => expressionsBelow(item));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => (except.includes(key) ? [] : expressionsBelow(inner)));
};

/** Whether a text stands anywhere below a value. */
export const mentions = (value: unknown, text: string): boolean => {
  if (typeof value === 'string') return value.includes(text);
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some((inner) => mentions(inner, text));
};
