import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { endedEvents } from './ended.ts';
import { hasEnded } from './injected.ts';
import type { Interpretation } from './observed.ts';
import { stopOf } from './stopped.ts';
import { type Troubles, troublesOf } from './troubles.ts';
import { type Grace, lookAtWaiting } from './waiting.ts';

export interface InterpretOptions {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** The pod is gone; `pod` is what was last seen of it. */
  readonly deleted: boolean;
  /** What is remembered of this pod from one look to the next; without it every trouble has just begun. */
  readonly troubles?: Troubles;
  /** For how long trouble may pass. */
  readonly grace?: Partial<Grace>;
}

/**
 * What a pod's status says by itself: the fallback where the supervisor's log ended early, and the arbiter of what the
 * supervisor cannot know. It never guesses a success: what nobody can tell is lost with a reason. A pod that runs as it
 * should says nothing.
 */
export const interpretPod = (
  plan: Plan,
  pod: Pod,
  { group, attempt }: { readonly group: number; readonly attempt: number },
  { at, deleted, troubles = troublesOf(), grace }: InterpretOptions,
): Interpretation => {
  const place = { group, attempt, at };
  if (hasEnded(pod)) return { events: endedEvents(plan, pod, place), notices: [], again: false };
  if (deleted) {
    const message = `pod ${pod.metadata?.name ?? ''} was deleted before its tasks were over`;
    const loss = stopOf(plan, group, pod) ?? { reason: 'PodDeleted', message, infrastructure: false };
    return {
      events: [{ kind: 'podLost', ...place, ...loss }],
      notices: [],
      again: false,
    };
  }
  const { loss, ...rest } = lookAtWaiting(plan, pod, group, { at, troubles, grace });
  return { events: loss === null ? [] : [{ kind: 'podLost', ...place, ...loss }], ...rest };
};
