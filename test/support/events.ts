import type { Event } from 'kubernetes-types/core/v1.d.ts';
import type { KubeClient } from '../../src/kube/index.ts';

/**
 * When the kubelet first said one of these reasons of a pod whose name begins so, to the second before: `Date.now()`.
 * Undefined where it never did.
 */
export const firstSaid = async (
  client: KubeClient,
  pod: string,
  reasons: readonly string[],
): Promise<number | undefined> => {
  const { items } = await client.list('events');
  const times = items
    .filter(
      ({ reason = '', involvedObject }: Event) => reasons.includes(reason) && involvedObject.name?.startsWith(pod),
    )
    .map(({ firstTimestamp, eventTime }) => Date.parse(String(firstTimestamp ?? eventTime)));
  return times.length === 0 ? undefined : Math.min(...times);
};
