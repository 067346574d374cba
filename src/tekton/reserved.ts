import type { Path } from '../core/index.ts';
import type { Found, Report, Strictness } from './finding.ts';
import { checkNames, LABEL } from './rules.ts';
import type { PodTemplate } from './types.ts';

/** As the container runtime reads it, which takes every path from the root: `/a/../waybill/` is `/waybill`. */
export const pathOfMount = (mountPath: string): string => {
  const parts: string[] = [];
  for (const part of mountPath.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
};

/** Whether something mounted there would hide the agent, which lives in /waybill; however the path is spelled. */
export const isAgentPath = (mountPath: string): boolean => {
  const path = pathOfMount(mountPath);
  return path === '/' || path === '/waybill' || path.startsWith('/waybill/');
};

/** Whether a volume of that name in a pod is Waybill's: the agent's, a workspace's, or a task's where tasks share the pod. */
export const isOwnVolumeName = (name: string): boolean => /^(?:waybill-|ws-\d|t\d+-)/.test(name);

/**
 * `reserved-path` for a mount where the agent lives; an error where the object is to run, a warning where it is only looked
 * at: Tekton takes it. Paths with variables are for the plan to judge.
 */
export const agentPathFound = (mountPath: string | undefined, path: Path, strictness: Strictness): Found[] => {
  if (mountPath === undefined || mountPath === '' || mountPath.includes('$(') || !isAgentPath(mountPath)) return [];
  return [
    {
      code: 'reserved-path',
      severity: strictness === 'run' ? 'error' : 'warning',
      path,
      message: 'nothing may be mounted at / or in /waybill, where the agent lives',
      hint: 'choose another mountPath',
    },
  ];
};

/** Names of a pod template's volumes: those that Kubernetes would refuse, and (as for mounts of the agent's) those of ours. */
export const templateVolumesFound = (
  { volumes }: PodTemplate,
  path: Path,
  strictness: Strictness,
  report: Report,
): Found[] => {
  checkNames(volumes, 'volumes', LABEL, [...path, 'volumes'], report);
  return (volumes ?? []).flatMap(({ name }, index): Found[] =>
    isOwnVolumeName(name)
      ? [
          {
            code: 'reserved-volume',
            severity: strictness === 'run' ? 'error' : 'warning',
            path: [...path, 'volumes', index, 'name'],
            message: `a volume "${name}" is Waybill's own in the pods of runs`,
            hint: 'choose a name that starts otherwise than waybill-, ws-0 or t0-',
          },
        ]
      : [],
  );
};
