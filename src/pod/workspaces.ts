import type { PersistentVolumeClaim, Volume, VolumeMount } from 'kubernetes-types/core/v1.d.ts';
import {
  completeText,
  isMissing,
  type Known,
  type NodeWorkspace,
  type Plan,
  type PlanWorkspace,
} from '../plan/index.ts';
import { workspaceVolumeName } from '../plan/workspaces.ts';
import { broken, nodeOf, workspaceOf } from './lookup.ts';

/** The volumes of all workspaces that tasks use: an emptyDir for each task of its own, others once for the pod. */
export const workspaceVolumes = (plan: Plan, tasks: readonly number[]): readonly Volume[] => {
  const volumes = new Map<string, Volume>();
  for (const task of tasks) {
    for (const { workspace: index } of nodeOf(plan, task).workspaces) {
      if (index === null) continue;
      const workspace = workspaceOf(plan, index);
      const name = workspaceVolumeName(workspace, index, task);
      volumes.set(name, { name, ...sourceOf(workspace) });
    }
  }
  return [...volumes.values()];
};

/** Where every step of a task sees its workspaces. The binding's sub-path comes first, then the pipeline task's, as in Tekton. */
export const workspaceMounts = (plan: Plan, task: number, known: Known): readonly VolumeMount[] =>
  nodeOf(plan, task).workspaces.flatMap((bound): VolumeMount[] => {
    if (bound.workspace === null) return [];
    const workspace = workspaceOf(plan, bound.workspace);
    const subPath = [workspace.subPath ?? '', subPathOf(bound, known)].filter((part) => part !== '').join('/');
    return [
      {
        name: workspaceVolumeName(workspace, bound.workspace, task),
        mountPath: bound.mountPath,
        ...(subPath === '' ? {} : { subPath }),
        ...(bound.readOnly ? { readOnly: true } : {}),
      },
    ];
  });

/** The claims that must exist before a pod of these tasks: those made from templates. */
export const claimsOf = (plan: Plan, tasks: readonly number[]): readonly PersistentVolumeClaim[] => {
  const used = new Set(tasks.flatMap((task) => nodeOf(plan, task).workspaces.map(({ workspace }) => workspace)));
  return plan.workspaces.flatMap((workspace, index): PersistentVolumeClaim[] => {
    if (workspace.kind !== 'template' || !used.has(index)) return [];
    const { metadata = {}, spec } = workspace.template;
    const { labels, annotations } = metadata;
    return [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          name: workspace.claimName,
          namespace: plan.namespace,
          ...(labels === undefined ? {} : { labels }),
          ...(annotations === undefined ? {} : { annotations }),
        },
        ...(spec === undefined ? {} : { spec }),
      },
    ];
  });
};

const subPathOf = ({ name, subPath = [] }: NodeWorkspace, known: Known): string => {
  const text = completeText(subPath, known);
  return isMissing(text) ? broken(`the sub-path of workspace "${name}" waits for its own pod`) : text;
};

const sourceOf = (workspace: PlanWorkspace): Omit<Volume, 'name'> => {
  switch (workspace.kind) {
    case 'emptyDir':
      return { emptyDir: workspace.emptyDir };
    case 'claim': {
      const { claimName, readOnly } = workspace;
      return { persistentVolumeClaim: { claimName, ...(readOnly ? { readOnly } : {}) } };
    }
    case 'template':
      return { persistentVolumeClaim: { claimName: workspace.claimName } };
    case 'configMap':
      return { configMap: workspace.configMap };
    case 'secret':
      return { secret: workspace.secret };
  }
};
