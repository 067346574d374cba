import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { ANNOTATION } from './constants.ts';
import { containersOf } from './names.ts';
import type { Loss } from './observed.ts';
import type { TaskOutcome } from './program.ts';
import { terminated } from './terminated.ts';

/** What the agent says of a task that a signal to its pod ended, and of one whose step the same signal ended first. */
const CANCELLED = 'TaskRunCancelled';
const STEP_FAILED = 'StepFailed';

/** 128 + SIGTERM, 128 + SIGKILL: what a container leaves that is stopped together with its pod. */
const SIGNALLED = [143, 137];

/** Whether a task was ended by a signal to its pod; who sent it, and why, only the pod's status knows. */
export const isCancelled = ({ outcome, reason }: TaskOutcome): boolean => outcome === 'failed' && reason === CANCELLED;

/** Whether an exit code may come from the end of a whole pod. */
export const isSignalled = (exitCode: number): boolean => SIGNALLED.includes(exitCode);

/** The outcome of a task with the reason for its pod's end, where that is what ended it. */
export const withStop = <T extends TaskOutcome>(
  plan: Plan,
  pod: Pod,
  { group, task }: { readonly group: number; readonly task: number },
  outcome: T,
): T => {
  const hit =
    isCancelled(outcome) ||
    (outcome.outcome === 'failed' && outcome.reason === STEP_FAILED && hasSignalled(plan, pod, group, task));
  const stop = hit ? stopOf(plan, group, pod) : undefined;
  return stop === undefined ? outcome : { ...outcome, reason: stop.reason, message: stop.message };
};

const hasSignalled = (plan: Plan, pod: Pod, group: number, task: number): boolean =>
  containersOf(plan, group)
    .filter((one) => one.task === task)
    .some(({ container }) => isSignalled(terminated(pod, container)?.exitCode ?? 0));

/**
 * Why somebody else stops a pod, or has stopped it, as far as its status says so: evicted by its node or through the API,
 * preempted, beyond its deadline, deleted. Undefined where the status says nothing of it.
 * https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
 */
export const stopOf = (plan: Plan, group: number, { metadata, status }: Pod): Loss | undefined => {
  const { reason = '', message = '' } = status ?? {};
  const name = metadata?.name ?? '';
  if (reason === 'Evicted') {
    const tasks = blamedIn(plan, group, message);
    if (tasks.length === 0) return { reason: 'PodEvicted', message, infrastructure: true };
    return { reason: 'PodEvicted', message, infrastructure: false, tasks };
  }
  // A deadline of ours came when all had been told.
  if (reason === 'DeadlineExceeded' && metadata?.annotations?.[ANNOTATION.told] === undefined) {
    return { reason: 'TaskRunTimeout', message: `pod ${name} ran into its deadline`, infrastructure: false };
  }
  const target = status?.conditions?.find(({ type, status: holds }) => type === 'DisruptionTarget' && holds === 'True');
  if (target !== undefined) {
    const why = target.message || target.reason || 'no reason given';
    return { reason: 'PodEvicted', message: `pod ${name} was evicted: ${why}`, infrastructure: true };
  }
  if (metadata?.deletionTimestamp === undefined) return undefined;
  const words = `pod ${name} was deleted before its tasks were over`;
  return { reason: 'PodDeleted', message: words, infrastructure: false };
};

/**
 * The tasks that took more than their share: the kubelet names the container (`Container step-a-main exceeded its local …`),
 * or nothing where all together did, or the volume of a pod.
 */
const blamedIn = (plan: Plan, group: number, message: string): readonly number[] => {
  const words = new Set(message.split(/[\s"']+/));
  const tasks = containersOf(plan, group).flatMap(({ container, task }) => (words.has(container) ? [task] : []));
  return [...new Set(tasks)];
};
