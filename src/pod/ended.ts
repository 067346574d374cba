import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { SUPERVISOR } from './constants.ts';
import { initLoss } from './injected.ts';
import { nodeOf } from './lookup.ts';
import { containersOf, type StepContainer } from './names.ts';
import type { Loss, PodEvent } from './observed.ts';
import { stopOf, withStop } from './stopped.ts';
import { terminated } from './terminated.ts';
import { readTermination, type Termination, terminationLimit } from './termination.ts';

interface Place {
  readonly group: number;
  readonly attempt: number;
  readonly at: number;
}

/**
 * What a pod that has ended says of its tasks: first what its supervisor left behind, then that the pod is over. The
 * engine takes the last only for tasks that are still open. A task that succeeded, but whose results the message does not
 * hold, fails: they were in the log, which is read elsewhere, and to go on without them would be a guess.
 */
export const endedEvents = (plan: Plan, pod: Pod, place: Place): readonly PodEvent[] => {
  const containers = containersOf(plan, place.group);
  const left = readTermination(terminated(pod, SUPERVISOR)?.message);
  return [
    ...(left?.tasks ?? []).flatMap((task) => taskEvents(plan, pod, place, task, left?.results, containers)),
    { kind: 'podLost', ...place, ...lossOf(plan, pod, place.group, left) },
  ];
};

const taskEvents = (
  plan: Plan,
  pod: Pod,
  place: Place,
  { id, outcome, reason, exitCodes = [] }: Termination['tasks'][number],
  left: Termination['results'],
  containers: readonly StepContainer[],
): PodEvent[] => {
  const own = containers.filter(({ task }) => task === id);
  if (own.length === 0) return [];
  const steps = exitCodes.slice(0, own.length).map(
    (exitCode, step): PodEvent => ({
      kind: 'stepFinished',
      ...place,
      task: id,
      step,
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
    }),
  );
  const results = left?.[id];
  const end = { kind: 'taskFinished', ...place, task: id, ...(results !== undefined && { results }) } as const;
  if (outcome === 'succeeded' && results === undefined && nodeOf(plan, id).results.length > 0) {
    return [...steps, { ...end, outcome: 'failed', ...lostResults(pod, left) }];
  }
  const oom = own.find(({ container }) => terminated(pod, container)?.reason === 'OOMKilled');
  if (outcome === 'failed' && oom !== undefined) {
    return [...steps, { ...end, outcome, reason: 'StepOOM', message: oomMessage(oom.container) }];
  }
  return [...steps, withStop(plan, pod, end, { ...end, outcome, reason })];
};

/** Why a task's results are not known though it succeeded: without a log there is room for as much as Tekton has. */
const lostResults = (
  { spec }: Pod,
  left: Termination['results'],
): { readonly reason: string; readonly message: string } => {
  if (left === undefined) {
    const message = 'the task succeeded, but its results were in a log that could not be read';
    return { reason: 'ResultsLost', message };
  }
  const containers = [spec?.containers, spec?.initContainers, spec?.ephemeralContainers].reduce(
    (count, list) => count + (list?.length ?? 0),
    0,
  );
  const limit = terminationLimit(containers);
  return {
    reason: 'TaskRunResultLargerThanAllowedLimit',
    message: `the log could not be read, and the results are larger than what the pod's status holds: ${limit} bytes, outcomes included, with ${containers} containers in the pod`,
  };
};

/** Tekton's message of a task whose step was killed for its memory. */
export const oomMessage = (container: string): string => `"${container}" exited with code 137: OOMKilled`;

/** Reasons of the kubelet for a pod that it did not let in, or that its node took along: another pod may fare better. */
const NODE_REASONS =
  /^(?:OutOf\w+|NodeAffinity|NodePorts|UnexpectedAdmissionError|NodeShutdown|Terminated|NodeLost|Preempting|Shutdown)$/;

const lossOf = (plan: Plan, pod: Pod, group: number, left: Termination | undefined): Loss => {
  const { reason = '', message = '' } = pod.status ?? {};
  const name = pod.metadata?.name ?? '';
  if (NODE_REASONS.test(reason)) return { reason, message, infrastructure: true };
  const stop = stopOf(plan, group, pod);
  if (stop !== undefined && stop.reason !== 'PodDeleted') return stop;
  const killed = containersOf(plan, group).filter(
    ({ container }) => terminated(pod, container)?.reason === 'OOMKilled',
  );
  const [first] = killed;
  if (first !== undefined) {
    const tasks = [...new Set(killed.map(({ task }) => task))];
    return { reason: 'StepOOM', message: oomMessage(first.container), infrastructure: false, tasks };
  }
  if (stop !== undefined) return stop;
  if (left === undefined) return initLoss(pod) ?? agentLoss(pod);
  return {
    reason: 'OutcomeUnknown',
    message: `pod ${name} ended without an outcome of all its tasks`,
    infrastructure: false,
  };
};

/** The supervisor never said how its tasks ended: its hook failed, it crashed, or it could not start. */
export const agentLoss = (pod: Pod): Loss => {
  const ended = terminated(pod, SUPERVISOR);
  const said = ended?.message?.startsWith('waybill: ') ? ended.message.slice(0, 1000) : undefined;
  const how =
    ended === undefined ? 'did not end' : `exited with code ${ended.exitCode} (${ended.reason ?? 'no reason'})`;
  return {
    reason: 'AgentFailed',
    message: said ?? `the supervisor of pod ${pod.metadata?.name ?? ''} ${how}`,
    infrastructure: true,
  };
};
