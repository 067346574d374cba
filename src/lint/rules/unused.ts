import type { Path } from '../../core/index.ts';
import type { ParamSpec, PipelineSpec, TaskSpec, TektonObject, WorkspaceDeclaration } from '../../tekton/index.ts';
import { expressionsBelow, mentions, taskSpecsOf } from '../parts.ts';
import type { Flaw, Rule } from '../types.ts';

/** Specs that declare params and workspaces, with where they stand. */
const declaring = (
  object: TektonObject,
): readonly { readonly spec: TaskSpec | PipelineSpec; readonly path: Path }[] => {
  const pipelines =
    object.kind === 'Pipeline'
      ? [{ spec: object.spec, path: ['spec'] }]
      : object.kind === 'PipelineRun' && object.spec.pipelineSpec !== undefined
        ? [{ spec: object.spec.pipelineSpec, path: ['spec', 'pipelineSpec'] }]
        : [];
  const actions = object.kind === 'StepAction' ? [{ spec: object.spec as unknown as TaskSpec, path: ['spec'] }] : [];
  return [...taskSpecsOf(object), ...pipelines, ...actions];
};

const usedParams = (spec: TaskSpec | PipelineSpec): ReadonlySet<string> => {
  const names = new Set<string>();
  const params = (spec.params ?? []) as readonly ParamSpec[];
  const defaults = params.flatMap((param) => expressionsBelow(param.default));
  for (const { variable } of [...expressionsBelow(spec, ['params']), ...defaults]) {
    if (variable.kind !== 'param') continue;
    names.add(variable.name);
    // A name with a dot in it, spelled without brackets.
    if (variable.access?.kind === 'key') names.add(`${variable.name}.${variable.access.key}`);
  }
  return names;
};

export const unusedParam: Rule = {
  code: 'unused-param',
  severity: 'warning',
  why: 'Whoever sets it believes that it does something. Use it, or remove it: removing a param is a change of the API, so do it with a new major version.',
  check: ({ object }) =>
    declaring(object).flatMap(({ spec, path }) => {
      const used = usedParams(spec);
      return (spec.params ?? []).flatMap(({ name }, index): Flaw[] =>
        used.has(name) ? [] : [{ path: [...path, 'params', index, 'name'], message: `nothing uses $(params.${name})` }],
      );
    }),
};

export const unusedWorkspace: Rule = {
  code: 'unused-workspace',
  severity: 'warning',
  why: 'Every run must bind it, a volume perhaps, for nothing.',
  check: ({ object }) =>
    declaring(object).flatMap(({ spec, path }) =>
      (spec.workspaces ?? []).flatMap((workspace, index): Flaw[] => {
        const { name } = workspace;
        const variables = expressionsBelow(spec).some(
          ({ variable }) => variable.kind === 'workspace' && variable.workspace === name,
        );
        const { mountPath = `/workspace/${name}` } = workspace as WorkspaceDeclaration;
        const isUsed =
          variables ||
          ('tasks' in spec ? isBound(spec, name) : isMounted(spec, name) || mentions(spec.steps, mountPath));
        if (isUsed) return [];
        return [{ path: [...path, 'workspaces', index, 'name'], message: `nothing uses the workspace "${name}"` }];
      }),
    ),
};

const isBound = ({ tasks, finally: last = [] }: PipelineSpec, name: string): boolean =>
  [...tasks, ...last].some(({ workspaces = [] }) =>
    workspaces.some((one) => (one.workspace === undefined || one.workspace === '' ? one.name : one.workspace) === name),
  );

/** Steps and sidecars may ask for a workspace of their own. */
const isMounted = (spec: TaskSpec, name: string): boolean => {
  const { steps = [], sidecars = [] } = spec as unknown as Record<
    string,
    readonly { readonly workspaces?: readonly { readonly name: string }[] }[]
  >;
  return [...steps, ...sidecars].some(({ workspaces = [] }) => workspaces.some((one) => one.name === name));
};

export const unwrittenResult: Rule = {
  code: 'unwritten-result',
  severity: 'warning',
  why: 'Whoever uses it fails with a missing result. Write it to `$(results.NAME.path)`, or remove it.',
  check: ({ object }) =>
    taskSpecsOf(object).flatMap(({ spec, path }) => {
      // A StepAction may write whatever its Task declares.
      if (spec.steps.some(({ ref }) => ref !== undefined)) return [];
      const written = new Set(
        expressionsBelow(spec.steps).flatMap(({ variable }) =>
          variable.kind === 'result-path' ? [variable.result] : [],
        ),
      );
      return (spec.results ?? []).flatMap(({ name, value }, index): Flaw[] =>
        value !== undefined || written.has(name) || mentions(spec.steps, '/tekton/results')
          ? []
          : [{ path: [...path, 'results', index, 'name'], message: `no step writes $(results.${name}.path)` }],
      );
    }),
};
