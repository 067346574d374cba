import type { Path } from '../core/index.ts';
import type { Param, PipelineSpec, Reference, Step, TaskSpec, TektonObject } from './types.ts';
import { expressionsIn } from './variables.ts';

/** A reference inside of an object to another one, with its place. */
export interface PlacedReference {
  /** What is referred to. */
  readonly kind: 'Task' | 'Pipeline' | 'StepAction';
  readonly path: Path;
  readonly reference: Reference;
  readonly target: ReferenceTarget;
}

/** What a reference says about where its object is. */
export type ReferenceTarget =
  /** An object beside this one, by name. */
  | { readonly kind: 'name'; readonly name: string }
  /** An object in a bundle. */
  | { readonly kind: 'bundle'; readonly bundle: string; readonly name: string; readonly objectKind: string }
  | { readonly kind: 'resolver'; readonly resolver: string; readonly params: readonly Param[] }
  /** Not known before the run: it holds variables. */
  | { readonly kind: 'late' }
  /** A custom task or the like: `kind` or `apiVersion` is not Tekton's. */
  | { readonly kind: 'foreign' };

/** All references inside of an object, in the order of its text: of tasks, steps and runs, in embedded specs too. */
export const referencesIn = (object: TektonObject): PlacedReference[] => {
  switch (object.kind) {
    case 'Task':
      return inTask(object.spec, ['spec']);
    case 'Pipeline':
      return inPipeline(object.spec, ['spec']);
    case 'TaskRun':
      return [
        ...placed('Task', object.spec.taskRef, ['spec', 'taskRef']),
        ...inTask(object.spec.taskSpec, ['spec', 'taskSpec']),
      ];
    case 'PipelineRun':
      return [
        ...placed('Pipeline', object.spec.pipelineRef, ['spec', 'pipelineRef']),
        ...inPipeline(object.spec.pipelineSpec, ['spec', 'pipelineSpec']),
      ];
    case 'StepAction':
      return [];
  }
};

const inPipeline = (spec: PipelineSpec | undefined, path: Path): PlacedReference[] =>
  (['tasks', 'finally'] as const).flatMap((section) =>
    (spec?.[section] ?? []).flatMap((task, index) => {
      const at = [...path, section, index];
      const { pipelineRef } = task as { readonly pipelineRef?: Reference };
      return [
        ...placed('Task', task.taskRef, [...at, 'taskRef']),
        ...placed('Pipeline', pipelineRef, [...at, 'pipelineRef']),
        ...inTask(task.taskSpec, [...at, 'taskSpec']),
      ];
    }),
  );

const inTask = (spec: TaskSpec | undefined, path: Path): PlacedReference[] =>
  (spec?.steps ?? []).flatMap((step: Step, index) => placed('StepAction', step.ref, [...path, 'steps', index, 'ref']));

const placed = (kind: PlacedReference['kind'], reference: Reference | undefined, path: Path): PlacedReference[] =>
  reference === undefined ? [] : [{ kind, path, reference, target: targetOf(kind, reference) }];

/** What a reference to an object of a kind says; `kind` is what is meant where a bundle reference names none. */
export const targetOf = (kind: PlacedReference['kind'], reference: Reference): ReferenceTarget => {
  const { name = '', resolver = '', params = [], apiVersion } = reference;
  const texts = [name, resolver, ...params.map(({ value }) => (typeof value === 'string' ? value : ''))];
  if (texts.some((text) => expressionsIn(text).length > 0)) return { kind: 'late' };
  if (resolver === 'bundles') return bundleOf(kind, params);
  if (resolver !== '') return { kind: 'resolver', resolver, params };
  const foreign = apiVersion !== undefined && apiVersion !== '' && !apiVersion.startsWith('tekton.dev/');
  if (foreign || ![undefined, '', kind].includes(reference.kind)) return { kind: 'foreign' };
  return { kind: 'name', name };
};

const bundleOf = (kind: PlacedReference['kind'], params: readonly Param[]): ReferenceTarget => {
  const param = (name: string): string | undefined => {
    const value = params.find((one) => one.name === name)?.value;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const bundle = param('bundle');
  const name = param('name');
  // Without them the resolver itself says what is missing.
  if (bundle === undefined || name === undefined) return { kind: 'resolver', resolver: 'bundles', params };
  return { kind: 'bundle', bundle, name, objectKind: (param('kind') ?? kind).toLowerCase() };
};
