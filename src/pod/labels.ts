import type { Plan } from '../plan/index.ts';
import { LABEL, MANAGER } from './constants.ts';
import { groupOf, nodeOf } from './lookup.ts';

/** Labels of a group's pod: the run's own, Tekton's, and ours. What names one task is there only if the pod has one. */
export const labelsOf = (plan: Plan, group: number, attempt: number, runUid: string): Record<string, string> => {
  const { nodes } = groupOf(plan, group);
  const [first] = nodes;
  const node = nodes.length === 1 && first !== undefined ? nodeOf(plan, first) : undefined;
  const isPipeline = plan.kind === 'PipelineRun';
  const labels = {
    ...plan.labels,
    ...node?.labels,
    ...(isPipeline && {
      'tekton.dev/pipelineRun': plan.name,
      'tekton.dev/pipelineRunUID': runUid,
      'tekton.dev/pipeline': plan.source.name,
    }),
    ...(node && { 'tekton.dev/taskRun': node.runName, 'tekton.dev/task': node.source.name }),
    ...(isPipeline &&
      node && { 'tekton.dev/pipelineTask': node.name, 'tekton.dev/memberOf': node.finally ? 'finally' : 'tasks' }),
    [LABEL.managedBy]: MANAGER,
    [LABEL.run]: plan.name,
    [LABEL.runUid]: runUid,
    [LABEL.group]: String(group),
    [LABEL.attempt]: String(attempt),
  };
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => isLabelValue(value)));
};

/** Annotations of the run that its pods have too. Ours are the driver's to set. */
export const annotationsOf = (plan: Plan): Record<string, string> =>
  Object.fromEntries(Object.entries(plan.annotations).filter(([key]) => !key.startsWith('waybill.dev/')));

// Names of objects may be longer than a label's value: such a label is left out rather than cut to another name.
const isLabelValue = (text: string): boolean => /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(text);
