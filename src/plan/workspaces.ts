import type { Path } from '../core/index.ts';
import type { PipelineTask, WorkspaceBinding, WorkspaceDeclaration } from '../tekton/index.ts';
import { expressionsIn } from '../tekton/index.ts';
import { compact } from './compact.ts';
import type { TextCompiler } from './compile-text.ts';
import { settledText } from './complete.ts';
import { claimNameFor } from './names.ts';
import { refuseStepResults } from './parts.ts';
import type { Report } from './report.ts';
import { refuseAgentPath } from './reserved.ts';
import type { WorkspaceView } from './scope.ts';
import type { NodeWorkspace, PlanWorkspace } from './types.ts';

/**
 * The run's bindings. Claim, Secret and ConfigMap names and sub-paths may name params; they are complete when the plan
 * is made (`late-workspace`). The claim of a template gets its name here.
 */
export const compileBindings = (
  bindings: readonly WorkspaceBinding[],
  runUid: string,
  compiler: TextCompiler,
  report: Report,
): readonly PlanWorkspace[] =>
  bindings.flatMap((binding, index): readonly PlanWorkspace[] => {
    const path = ['spec', 'workspaces', index];
    const settle = (source: string, ...at: Path): string => {
      const text = settledText(compiler.text(source, [...path, ...at]));
      if (text === undefined) report('late-workspace', 'must be known when the run starts', [...path, ...at]);
      return text ?? '';
    };
    const subPath = binding.subPath === undefined ? '' : settle(binding.subPath, 'subPath');
    if (/^\/|(?:^|\/)\.\.(?:\/|$)/.test(subPath)) {
      report('bad-workspace', `the subPath "${subPath}" leads out of the volume`, [...path, 'subPath']);
    }
    const common = { name: binding.name, ...(subPath === '' ? {} : { subPath }) };
    const { emptyDir, persistentVolumeClaim: claim, volumeClaimTemplate: template, configMap, secret } = binding;
    const kinds = [emptyDir, claim, template, configMap, secret].filter((kind) => kind !== undefined);
    if (kinds.length !== 1) {
      report('bad-workspace', `workspace "${binding.name}" must be bound to one kind of volume`, path);
      return [];
    }
    if (emptyDir !== undefined) return [{ ...common, kind: 'emptyDir', emptyDir }];
    if (claim !== undefined) {
      const claimName = settle(claim.claimName, 'persistentVolumeClaim', 'claimName');
      return [{ ...common, kind: 'claim', claimName, readOnly: claim.readOnly === true }];
    }
    if (template !== undefined) {
      const claimName = claimNameFor(template.metadata?.name, binding.name, runUid);
      return [{ ...common, kind: 'template', claimName, template }];
    }
    if (configMap !== undefined) {
      const name = settle(configMap.name ?? '', 'configMap', 'name');
      return [{ ...common, kind: 'configMap', configMap: { ...configMap, name } }];
    }
    if (secret === undefined) return [];
    const secretName = settle(secret.secretName ?? '', 'secret', 'secretName');
    return [{ ...common, kind: 'secret', secret: { ...secret, secretName } }];
  });

/**
 * Name of the pod's volume for a workspace, as `$(workspaces.x.volume)` gives it. An emptyDir is fresh for each task, so
 * its volume carries the node's id too.
 */
export const workspaceVolumeName = (workspace: PlanWorkspace, index: number, node: number): string =>
  workspace.kind === 'emptyDir' ? `ws-${index}-${node}` : `ws-${index}`;

export interface NodeWorkspacesInput {
  readonly node: number;
  /** The Task's declarations. */
  readonly declared: readonly WorkspaceDeclaration[];
  /** How the pipeline task maps them; undefined for a Task that is run alone, where names are the run's. */
  readonly mapped?: PipelineTask['workspaces'];
  /** An embedded spec sees workspaces of the run by their name. */
  readonly embedded: boolean;
  /** Texts of the embedded spec, to find workspaces that it uses without declaring them. */
  readonly spec: unknown;
  readonly workspaces: readonly PlanWorkspace[];
  /** For mount paths, in the Task's scope. */
  readonly task: TextCompiler;
  /** For sub-paths, in the Pipeline's scope. */
  readonly pipeline: TextCompiler;
  readonly subject: string;
  /** Where the Task's workspaces stand, and those of the pipeline task. */
  readonly paths: { readonly declared: Path; readonly mapped: Path };
  readonly report: Report;
}

/** The workspaces of one task; a required one without a binding is `missing-workspace`. */
export const compileNodeWorkspaces = (input: NodeWorkspacesInput): readonly NodeWorkspace[] => {
  const { declared, mapped, embedded, workspaces, subject, paths, report } = input;
  (mapped ?? []).forEach(({ name }, index) => {
    const known = embedded || declared.some((declaration) => declaration.name === name);
    if (!known) report('unknown-workspace', `${subject} has no workspace "${name}"`, [...paths.mapped, index]);
  });
  return [...declared, ...undeclared(input)].map((declaration, index) => {
    const at = (mapped ?? []).findIndex(({ name }) => name === declaration.name);
    const mapping = mapped?.[at];
    const source =
      mapping?.workspace ?? mapping?.name ?? (mapped === undefined || embedded ? declaration.name : undefined);
    const workspace = workspaces.findIndex(({ name }) => name === source);
    if (workspace < 0 && declaration.optional !== true) {
      report('missing-workspace', `${subject} needs workspace "${declaration.name}"`, [...paths.declared, index]);
    }
    const subPathAt = [...paths.mapped, at, 'subPath'];
    const subPath = mapping?.subPath ? input.pipeline.text(mapping.subPath, subPathAt) : undefined;
    if (subPath !== undefined) refuseStepResults(subPath, subPathAt, report);
    return compact<NodeWorkspace>({
      name: declaration.name,
      mountPath: mountPathOf(declaration, input, index),
      readOnly: declaration.readOnly === true,
      workspace: workspace < 0 ? null : workspace,
      subPath: workspace < 0 ? undefined : subPath,
    });
  });
};

/** What `$(workspaces.…)` gives in a Task's texts. */
export const viewsOf = (
  node: number,
  bound: readonly NodeWorkspace[],
  workspaces: readonly PlanWorkspace[],
): ReadonlyMap<string, WorkspaceView> =>
  new Map(
    bound.map(({ name, mountPath, workspace: index }): [string, WorkspaceView] => {
      const workspace = index === null ? undefined : workspaces[index];
      if (index === null || workspace === undefined) return [name, { bound: false, path: '', claim: '', volume: '' }];
      const claim = workspace.kind === 'claim' || workspace.kind === 'template' ? workspace.claimName : '';
      return [name, { bound: true, path: mountPath, claim, volume: workspaceVolumeName(workspace, index, node) }];
    }),
  );

const mountPathOf = (
  declaration: WorkspaceDeclaration,
  { task, paths, report }: NodeWorkspacesInput,
  index: number,
) => {
  if (declaration.mountPath === undefined || declaration.mountPath === '') return `/workspace/${declaration.name}`;
  const path = [...paths.declared, index, 'mountPath'];
  const text = settledText(task.text(declaration.mountPath, path));
  if (text === undefined) report('late-workspace', 'must be known when the run starts', path);
  else refuseAgentPath(text, path, report);
  return text ?? '';
};

/** Workspaces that an embedded spec uses without declaring them, where the run or the mapping has one of that name. */
const undeclared = ({ declared, embedded, mapped, spec, workspaces }: NodeWorkspacesInput): WorkspaceDeclaration[] => {
  if (!embedded) return [];
  const names = new Set([...(mapped ?? []), ...declared].map(({ name }) => name));
  for (const { name } of declared) names.delete(name);
  for (const text of textsIn(spec)) {
    for (const { variable } of expressionsIn(text)) {
      if (variable.kind !== 'workspace' || declared.some(({ name }) => name === variable.workspace)) continue;
      if (workspaces.some(({ name }) => name === variable.workspace)) names.add(variable.workspace);
    }
  }
  return [...names].sort().map((name) => ({ name }));
};

/** All strings in a part of an object, but for descriptions, which are for people. */
export const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return Object.entries(value).flatMap(([key, member]) => (key === 'description' ? [] : textsIn(member)));
};
