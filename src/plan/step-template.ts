import type { Step, TaskSpec } from '../tekton/index.ts';

/**
 * The steps of a Task with its `stepTemplate` beneath them, merged as Kubernetes merges containers: a step's field wins;
 * env goes by name, volume mounts by path, security context and resources key by key; command and args as a whole.
 */
export const stepsOf = ({ steps, stepTemplate }: Pick<TaskSpec, 'steps' | 'stepTemplate'>): readonly Step[] =>
  stepTemplate === undefined ? steps : steps.map((step) => mergeStep(stepTemplate, step));

const mergeStep = (template: Partial<Step>, step: Step): Step => ({
  ...template,
  ...step,
  ...present(
    'env',
    mergeLists(template.env, step.env, ({ name }) => name),
  ),
  ...present('envFrom', joinLists(template.envFrom, step.envFrom)),
  ...present(
    'volumeMounts',
    mergeLists(template.volumeMounts, step.volumeMounts, ({ mountPath }) => mountPath),
  ),
  ...present('securityContext', mergeObjects(template.securityContext, step.securityContext)),
  ...present('computeResources', mergeObjects(template.computeResources, step.computeResources)),
});

const present = <K extends keyof Step>(key: K, value: Step[K]): Partial<Pick<Step, K>> =>
  value === undefined ? {} : ({ [key]: value } as Pick<Step, K>);

const joinLists = <T>(a: readonly T[] | undefined, b: readonly T[] | undefined): T[] | undefined =>
  a === undefined && b === undefined ? undefined : [...(a ?? []), ...(b ?? [])];

const mergeLists = <T>(
  template: readonly T[] | undefined,
  step: readonly T[] | undefined,
  keyOf: (element: T) => string,
): readonly T[] | undefined => {
  if (template === undefined || step === undefined) return step ?? template;
  const over = new Map(step.map((element) => [keyOf(element), element]));
  const names = new Set(template.map(keyOf));
  return [
    ...template.map((element) => over.get(keyOf(element)) ?? element),
    ...step.filter((element) => !names.has(keyOf(element))),
  ];
};

const mergeObjects = <T>(template: T | undefined, step: T | undefined): T | undefined => {
  if (template === undefined || step === undefined) return step ?? template;
  if (!isObject(template) || !isObject(step)) return step;
  const merged: Record<string, unknown> = { ...template };
  for (const [key, value] of Object.entries(step)) merged[key] = mergeObjects(merged[key], value);
  return merged as T;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
