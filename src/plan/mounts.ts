import type { Report } from './report.ts';
import { refuseAgentPath } from './reserved.ts';
import type { PlanNode, PlanWorkspace } from './types.ts';
import { workspaceVolumeName } from './workspaces.ts';

/**
 * Every mount names a volume that the pod will have: of the Task, of the pod template, or of a workspace. Kubernetes would
 * refuse the pod, when the run has begun. Names that only a result tells are left to it. Nor is anything mounted where the agent
 * lives: what a result tells of that is refused when the pod is made. A volume of the Task has no namesake in the pod template.
 */
export const checkMounts = (
  { id, steps, volumes, workspaces, podTemplate }: PlanNode,
  bound: readonly PlanWorkspace[],
  report: Report,
): void => {
  const own = workspaces.flatMap(({ workspace }) => {
    const found = workspace === null ? undefined : bound[workspace];
    return found === undefined || workspace === null ? [] : [workspaceVolumeName(found, workspace, id)];
  });
  const late = volumes.some(({ at }) => at?.['/name'] !== undefined);
  const known = new Set([
    ...own,
    ...[...volumes.map(({ body }) => body), ...(podTemplate.volumes ?? [])].map(({ name }) => name),
  ]);
  const template = new Set(podTemplate.volumes?.map(({ name }) => name));
  for (const [index, { body }] of volumes.entries()) {
    if (!template.has(body.name)) continue;
    report('duplicate-name', `the pod template has a volume "${body.name}" too`, ['volumes', index, 'name']);
  }
  for (const [index, { volumeMounts }] of steps.entries()) {
    for (const [at, { body, at: texts }] of volumeMounts.entries()) {
      const path = ['steps', index, 'volumeMounts', at, 'mountPath'];
      if (texts?.['/mountPath'] === undefined) refuseAgentPath(body.mountPath, path, report);
      if (late || texts?.['/name'] !== undefined || known.has(body.name)) continue;
      report('unknown-volume', `there is no volume "${body.name}"`, ['steps', index, 'volumeMounts', at, 'name']);
    }
  }
};
