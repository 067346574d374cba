import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { SUPERVISOR } from './constants.ts';
import { agentLoss, terminated } from './ended.ts';
import { nodeOf } from './lookup.ts';
import { containersOf, type StepContainer } from './names.ts';
import type { Loss, PodNotice } from './observed.ts';
import { readTermination } from './termination.ts';

/** Waiting will not help. */
const HOPELESS = ['InvalidImageName', 'ErrImageNeverPull'];
/** May pass: a registry that was gone for a moment, a Secret that is just being made. */
const TROUBLE = [
  ...HOPELESS,
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];
/** What a step runs into where the supervisor has not made its shim and its folders. */
const NEEDS_AGENT = ['CreateContainerError', 'RunContainerError'];
/** The container runtime could not start the container: nothing of ours has run in it. */
const NOT_STARTED = ['StartError', 'ContainerCannotRun'];

export interface Patience {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** Milliseconds from the pod's creation for which trouble may pass. */
  readonly grace: number;
}

/** Whether a pod that has not ended will never run as it should; else what it waits for. */
export const lookAtWaiting = (
  plan: Plan,
  pod: Pod,
  group: number,
  patience: Patience,
): { readonly loss: Loss | null; readonly notices: readonly PodNotice[] } => {
  const containers = containersOf(plan, group);
  const notices = unschedulable(pod);
  for (const status of pod.status?.containerStatuses ?? []) {
    const place = containers.find(({ container }) => container === status.name);
    const loss = notStarted(pod, status, place) ?? troubled(plan, pod, status, place, patience);
    if (loss !== null && 'reason' in loss) return { loss, notices };
    if (loss !== null) notices.push(loss);
  }
  const ended = terminated(pod, SUPERVISOR);
  const silent = ended !== undefined && readTermination(ended.message) === undefined;
  // Its log may still have something to say: the pod's end comes first, if it comes.
  const overdue = silent && patience.at - timeOf(ended.finishedAt, patience.at) >= patience.grace;
  return { loss: overdue ? agentLoss(pod) : null, notices };
};

const unschedulable = ({ status }: Pod): PodNotice[] =>
  (status?.conditions ?? [])
    .filter(
      ({ type, status: holds, reason }) => type === 'PodScheduled' && holds === 'False' && reason === 'Unschedulable',
    )
    .map(({ message = '' }) => ({ code: 'Unschedulable', message }));

/** Without it no step can start: the kubelet goes on to the steps even where the agent's image cannot be pulled. */
const supervisorRuns = ({ status }: Pod): boolean =>
  status?.containerStatuses?.find(({ name }) => name === SUPERVISOR)?.state?.running !== undefined;

/** A step's container that could not start: if the supervisor is well, it is the step's own fault. */
const notStarted = (pod: Pod, { name, state }: ContainerStatus, place: StepContainer | undefined): Loss | null => {
  const { reason = '', message = '' } = state?.terminated ?? {};
  if (place === undefined || !NOT_STARTED.includes(reason) || !supervisorRuns(pod)) return null;
  return {
    reason: 'CreateContainerError',
    message: `container ${name} could not start: ${message}`,
    infrastructure: false,
    tasks: [place.task],
  };
};

const troubled = (
  plan: Plan,
  pod: Pod,
  { name, image, state }: ContainerStatus,
  place: StepContainer | undefined,
  { at, grace }: Patience,
): Loss | PodNotice | null => {
  const { reason: code = '', message = '' } = state?.waiting ?? {};
  if (!TROUBLE.includes(code)) return null;
  if (place !== undefined && NEEDS_AGENT.includes(code) && !supervisorRuns(pod)) return null;
  const age = at - timeOf(pod.metadata?.creationTimestamp, at);
  if (!HOPELESS.includes(code) && age < grace) return { code, message: `${name}: ${message}` };
  const pull = code.includes('Image') || code === 'RegistryUnavailable';
  const reason = pull ? 'TaskRunImagePullFailed' : code === 'RunContainerError' ? 'CreateContainerError' : code;
  if (place === undefined) {
    return { reason, message: `the supervisor's container ${name} cannot start: ${message}`, infrastructure: true };
  }
  const node = nodeOf(plan, place.task);
  const step = node.steps[place.step]?.name ?? '';
  const words = pull
    ? `the step "${step}" in TaskRun "${node.runName}" failed to pull the image "${image}" and the pod errored with the message: "${message}"`
    : `the step "${step}" in TaskRun "${node.runName}" cannot start: ${message}`;
  return { reason, message: words, infrastructure: false, tasks: [place.task] };
};

const timeOf = (time: unknown, otherwise: number): number => {
  const parsed = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(parsed) ? otherwise : parsed;
};
