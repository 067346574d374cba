import type { Plan, PlanWorkspace } from '../plan/index.ts';
import type { WorkspaceBinding } from '../tekton/index.ts';

/** The run's workspaces as its spec binds them; empty where it has none. */
export const workspacesOf = ({ workspaces }: Plan): { readonly workspaces?: readonly WorkspaceBinding[] } =>
  workspaces.length === 0 ? {} : { workspaces: workspaces.map(bindingOf) };

const bindingOf = (workspace: PlanWorkspace): WorkspaceBinding => {
  const base = {
    name: workspace.name,
    ...(workspace.subPath === undefined ? {} : { subPath: workspace.subPath }),
  };
  switch (workspace.kind) {
    case 'emptyDir':
      return { ...base, emptyDir: workspace.emptyDir };
    case 'claim':
      return {
        ...base,
        persistentVolumeClaim: { claimName: workspace.claimName, ...(workspace.readOnly ? { readOnly: true } : {}) },
      };
    case 'template':
      return { ...base, volumeClaimTemplate: workspace.template };
    case 'configMap':
      return { ...base, configMap: workspace.configMap };
    case 'secret':
      return { ...base, secret: workspace.secret };
  }
};
