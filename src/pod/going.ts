import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Loss } from './observed.ts';
import type { Troubles } from './troubles.ts';

/** Milliseconds that a node has, beyond a pod's own time to end, to say that the pod is gone. */
const GRACE = 20_000;
/** Kubernetes' own. */
const TIME_TO_END = 30;

/** Whether a pod that has not ended is being deleted. */
export const isGoing = ({ metadata }: Pod): boolean => metadata?.deletionTimestamp !== undefined;

/**
 * The loss of a pod that was deleted and is past its time. Its node does not answer, so it never says that the pod is gone,
 * and nobody can tell what still runs there: its tasks fail, started or not, and only those with a retry run again.
 */
export const nodeLoss = (
  pod: Pod,
  { at, troubles }: { readonly at: number; readonly troubles: Troubles },
): Loss | null => {
  if (!isGoing(pod)) return null;
  const { name = '', deletionGracePeriodSeconds = TIME_TO_END } = pod.metadata ?? {};
  // By our clock: the time in the pod is the API server's.
  if (at - troubles.since('', at) < deletionGracePeriodSeconds * 1000 + GRACE) return null;
  const node = pod.spec?.nodeName ?? '';
  const message = `pod ${name} was deleted, and node ${node} does not say that it is gone`;
  return { reason: 'NodeLost', message, infrastructure: false };
};
