import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { SUPERVISOR } from './constants.ts';
import { agentLoss } from './ended.ts';
import { isGoing, nodeLoss } from './going.ts';
import { nodeOf } from './lookup.ts';
import { containersOf, type StepContainer } from './names.ts';
import type { Loss, PodNotice } from './observed.ts';
import { pullOf } from './pull.ts';
import { terminated } from './terminated.ts';
import { readTermination } from './termination.ts';
import type { Troubles } from './troubles.ts';

/** May pass: a Secret that is just being made, a runtime that is busy. */
const TROUBLE = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];
/** What a step runs into where the supervisor has not made its shim and its folders. */
const NEEDS_AGENT = ['CreateContainerError', 'RunContainerError'];
/** The container runtime could not start the container: nothing of ours has run in it. */
export const NOT_STARTED: readonly string[] = ['StartError', 'ContainerCannotRun'];

/** Milliseconds for which trouble may pass. */
export interface Grace {
  /** A registry does not answer. */
  readonly pull: number;
  /** A registry does not let the kubelet in, which has secrets to show. */
  readonly refused: number;
  /** A container cannot be made. */
  readonly create: number;
  /** The supervisor has ended without a word, and its pod has not. */
  readonly end: number;
}

/** A registry that restarts is back by then; the kubelet asks after 10, 30 and 70 s. A user with a wrong name of a Secret does not wait long. */
const GRACE: Grace = { pull: 60_000, refused: 25_000, create: 20_000, end: 5_000 };

export interface Patience {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly troubles: Troubles;
  readonly grace?: Partial<Grace> | undefined;
}

interface Look {
  readonly loss: Loss | null;
  readonly notices: readonly PodNotice[];
  /** Whether the passing of time alone may change this. */
  readonly again: boolean;
}

/** Whether a pod that has not ended will never run as it should; else what it waits for. */
export const lookAtWaiting = (plan: Plan, pod: Pod, group: number, patience: Patience): Look => {
  const containers = containersOf(plan, group);
  const notices = unschedulable(pod);
  let again = false;
  const { initContainerStatuses: before = [], containerStatuses: all = [] } = pod.status ?? {};
  for (const status of [...before, ...all]) {
    const place = containers.find(({ container }) => container === status.name);
    const loss =
      notStarted(pod, status, place) ?? troubled(plan, pod, status, place, patience, before.includes(status));
    if (loss !== null && 'reason' in loss) return { loss, notices, again: false };
    if (loss === null) continue;
    notices.push(loss);
    again = true;
  }
  const lost = nodeLoss(pod, patience);
  if (lost !== null) return { loss: lost, notices, again: false };
  const { at, grace } = patience;
  const ended = terminated(pod, SUPERVISOR);
  const silent = ended !== undefined && readTermination(ended.message) === undefined;
  // Its log may still have something to say: the pod's end comes first, if it comes.
  const overdue = silent && at - timeOf(ended.finishedAt, at) >= (grace?.end ?? GRACE.end);
  return { loss: overdue ? agentLoss(pod) : null, notices, again: again || isGoing(pod) || (silent && !overdue) };
};

const unschedulable = ({ status }: Pod): PodNotice[] =>
  (status?.conditions ?? [])
    .filter(
      ({ type, status: holds, reason }) => type === 'PodScheduled' && holds === 'False' && reason === 'Unschedulable',
    )
    .map(({ message = '' }) => ({ code: 'Unschedulable', message }));

/** Without it no step can start: the kubelet goes on to the steps even where the agent's image cannot be pulled. */
const supervisorRuns = (pod: Pod): boolean => supervisorOf(pod)?.state?.running !== undefined;

const supervisorOf = ({ status }: Pod): ContainerStatus | undefined =>
  status?.containerStatuses?.find(({ name }) => name === SUPERVISOR);

/**
 * A step's container that could not start: if the supervisor was well by then, it is the step's own fault. One that came
 * before it, whose image was late, is not started again: another pod has to be.
 */
const notStarted = (pod: Pod, { name, state }: ContainerStatus, place: StepContainer | undefined): Loss | null => {
  const { reason = '', message = '', finishedAt } = state?.terminated ?? {};
  if (place === undefined || !NOT_STARTED.includes(reason) || !supervisorRuns(pod)) return null;
  const since = timeOf(supervisorOf(pod)?.state?.running?.startedAt, 0);
  if (timeOf(finishedAt, since) < since) {
    const words = `the supervisor of pod ${pod.metadata?.name ?? ''} came up after container ${name} had needed it`;
    return { reason: 'AgentFailed', message: words, infrastructure: true };
  }
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
  { at, troubles, grace }: Patience,
  init: boolean,
): Loss | PodNotice | null => {
  const { reason: code = '', message = '' } = state?.waiting ?? {};
  const said = pullOf(code, message, image);
  // A kubelet that is busy, or has not heard of a new Secret, asks without it; the next time it has it.
  const pull = said === 'refused' && (pod.spec?.imagePullSecrets ?? []).length === 0 ? 'gone' : said;
  if (pull === undefined && !TROUBLE.includes(code)) return null;
  if (place !== undefined && NEEDS_AGENT.includes(code) && !supervisorRuns(pod)) return null;
  const all = { ...GRACE, ...grace };
  const patience = pull === undefined ? all.create : pull === 'refused' ? all.refused : all.pull;
  const left = troubles.since(name, at) + patience - at;
  if (pull !== 'gone' && left > 0) return { code, message: `${name}: ${message}` };
  const reason =
    pull !== undefined ? 'TaskRunImagePullFailed' : code === 'RunContainerError' ? 'CreateContainerError' : code;
  // What somebody else put into the pod is not waited for: the kubelet goes on to ours.
  if (name !== SUPERVISOR && place === undefined && !init) return { code, message: `${name}: ${message}` };
  if (place === undefined) {
    const words = `${init ? 'init' : "the supervisor's"} container ${name} cannot start: ${message}`;
    // Another pod would ask the same registry.
    return { reason, message: words, infrastructure: true, final: pull !== undefined };
  }
  const node = nodeOf(plan, place.task);
  const step = node.steps[place.step]?.name ?? '';
  const words =
    pull !== undefined
      ? `the step "${step}" in TaskRun "${node.runName}" failed to pull the image "${image}" and the pod errored with the message: "${message}"`
      : `the step "${step}" in TaskRun "${node.runName}" cannot start: ${message}`;
  const final = code === 'InvalidImageName';
  return { reason, message: words, infrastructure: false, final, tasks: [place.task] };
};

const timeOf = (time: unknown, otherwise: number): number => {
  const parsed = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(parsed) ? otherwise : parsed;
};
