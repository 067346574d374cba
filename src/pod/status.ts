import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Plan } from '../plan/index.ts';
import { SUPERVISOR } from './constants.ts';
import { endedEvents } from './ended.ts';
import { hasEnded } from './injected.ts';
import type { Interpretation, PodEvent } from './observed.ts';
import { stopOf } from './stopped.ts';
import { type Troubles, troublesOf } from './troubles.ts';
import { type Grace, lookAtWaiting, NOT_STARTED } from './waiting.ts';

export interface InterpretOptions {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** The pod is gone; `pod` is what was last seen of it. */
  readonly deleted: boolean;
  /** What is remembered of this pod from one look to the next; without it every trouble has just begun. */
  readonly troubles?: Troubles;
  /** All that the supervisor said has been read: what it did not speak of has not started. */
  readonly heard?: boolean;
  /** For how long trouble may pass. */
  readonly grace?: Partial<Grace>;
}

/**
 * What a pod's status says by itself: the fallback where the supervisor's log ended early, and the arbiter of what the
 * supervisor cannot know. It never guesses a success: what nobody can tell is lost with a reason. Nor does it guess that
 * nothing has happened: a pod whose supervisor ran, and was not heard to its end, is no loss that may be made up for by
 * doing it all again. A pod that runs as it should says nothing.
 */
export const interpretPod = (
  plan: Plan,
  pod: Pod,
  { group, attempt }: { readonly group: number; readonly attempt: number },
  { at, deleted, troubles = troublesOf(), heard = false, grace }: InterpretOptions,
): Interpretation => {
  const place = { group, attempt, at };
  const careful = (event: PodEvent): PodEvent =>
    event.kind === 'podLost' && event.infrastructure && !heard && hasRun(pod)
      ? { ...event, infrastructure: false, final: false }
      : event;
  if (hasEnded(pod)) return { events: endedEvents(plan, pod, place).map(careful), notices: [], again: false };
  if (deleted) {
    const message = `pod ${pod.metadata?.name ?? ''} was deleted before its tasks were over`;
    const loss = stopOf(plan, group, pod) ?? { reason: 'PodDeleted', message, infrastructure: false };
    return { events: [careful({ kind: 'podLost', ...place, ...loss })], notices: [], again: false };
  }
  const { loss, ...rest } = lookAtWaiting(plan, pod, group, { at, troubles, grace });
  return { events: loss === null ? [] : [careful({ kind: 'podLost', ...place, ...loss })], ...rest };
};

/** Whether the supervisor may have started a task. */
const hasRun = (pod: Pod): boolean => {
  const state = pod.status?.containerStatuses?.find(({ name }) => name === SUPERVISOR)?.state;
  const ended = state?.terminated;
  return state?.running !== undefined || (ended !== undefined && !NOT_STARTED.includes(ended.reason ?? ''));
};
