import type { Path } from '../core/index.ts';
import { isAgentPath, isOwnVolumeName } from '../tekton/index.ts';
import type { RunInput } from './input.ts';
import type { Report } from './report.ts';

/** `reserved-path` for a mount that would hide the agent. */
export const refuseAgentPath = (mountPath: string, path: Path, report: Report): void => {
  if (!isAgentPath(mountPath)) return;
  report('reserved-path', 'nothing may be mounted at / or in /waybill, where the agent lives', path);
};

/** `reserved-volume` for volumes of the run's pod template that have names of ours; the path is the run's. */
export const checkTemplateVolumes = ({ kind, podTemplate }: RunInput, report: Report): void => {
  const template = kind === 'TaskRun' ? ['podTemplate'] : ['taskRunTemplate', 'podTemplate'];
  for (const [index, { name }] of (podTemplate?.volumes ?? []).entries()) {
    if (!isOwnVolumeName(name)) continue;
    const message = `a volume "${name}" is Waybill's own in the pods of runs`;
    report('reserved-volume', message, ['spec', ...template, 'volumes', index, 'name']);
  }
};
