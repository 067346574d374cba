import type { Container, ContainerStatus, Pod } from 'kubernetes-types/core/v1.d.ts';
import { AGENT, SUPERVISOR } from './constants.ts';
import type { Loss } from './observed.ts';

/** A pod's containers that run what we put into it: the supervisor and its shims, whatever an admission webhook added to them. */
const isOurs = ({ name, command }: Container): boolean => name === SUPERVISOR || command?.[0] === AGENT.shim[0];

/**
 * Containers that somebody else put beside ours, as a mesh does, and that the kubelet waits for: the pod ends when they do.
 * Native sidecars are init containers, and end by themselves.
 */
export const injectedContainers = ({ spec }: Pod): readonly string[] => {
  const containers = spec?.containers ?? [];
  // A pod that nobody showed us whole has none that we know of.
  if (!containers.some(isOurs)) return [];
  return containers.filter((container) => !isOurs(container)).map(({ name }) => name);
};

/** Whether all of a pod's containers have ended for good. */
export const isTerminal = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Whether all that is ours in a pod has ended for good: what is left beside it has nothing to say. */
export const hasEnded = (pod: Pod): boolean => {
  if (isTerminal(pod)) return true;
  if (injectedContainers(pod).length === 0) return false;
  const ended = new Set(
    (pod.status?.containerStatuses ?? [])
      .filter(({ state }: ContainerStatus) => state?.terminated !== undefined)
      .map(({ name }) => name),
  );
  return (pod.spec?.containers ?? []).filter(isOurs).every(({ name }) => ended.has(name));
};

/**
 * An init container, which is never ours, that failed before anything of ours could run: another pod may fare better. The
 * reason is Tekton's.
 */
export const initLoss = ({ metadata, status }: Pod): Loss | undefined => {
  const supervisor = status?.containerStatuses?.find(({ name }) => name === SUPERVISOR)?.state;
  if (supervisor?.terminated !== undefined || supervisor?.running !== undefined) return undefined;
  const failed = status?.initContainerStatuses?.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const { exitCode, reason = 'no reason' } = failed?.state?.terminated ?? {};
  if (failed === undefined || exitCode === undefined) return undefined;
  const message = `init container ${failed.name}, which was added to pod ${metadata?.name ?? ''}, exited with code ${exitCode} (${reason})`;
  return { reason: 'InitContainerFailed', message, infrastructure: true };
};
