import type { Event } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError } from '../../core/index.ts';
import { type KubeClient, type Pause, sleep, watch } from '../../kube/index.ts';
import type { Notice, PodHandle, RunRef } from '../types.ts';

/** A pod that starts within this time is not asked why it does not. */
const PATIENCE_MS = 2000;

/** What happens to every pod, and is no news. */
const ROUTINE = ['Scheduled', 'Pulled', 'Created', 'Started', 'Killing', 'SuccessfulAttachVolume'];

/** Under this code the pod's status says the same, in the same words. */
const UNSCHEDULABLE = { event: 'FailedScheduling', code: 'Unschedulable' };

/** Characters of a notice's message that are kept. */
export const NOTICE_LIMIT = 1000;

/**
 * Why a pod does not start yet, from its Events, until `signal` aborts: no log can be read before its last image is there.
 * Costs nothing where the pod starts at once, and says nothing where Events may not be read.
 */
export async function* startProgress(
  client: KubeClient,
  run: RunRef,
  pod: PodHandle,
  { signal, now, pause = sleep }: { readonly signal: AbortSignal; readonly now: () => number; readonly pause?: Pause },
): AsyncGenerator<Notice> {
  try {
    await pause(PATIENCE_MS, signal);
    const selection = { namespace: run.namespace, fieldSelector: `involvedObject.uid=${pod.uid}`, signal };
    for await (const change of watch(client, 'events', selection)) {
      if (change.type === 'synced' || change.type === 'deleted') continue;
      const { reason = '', message = '' } = change.object as Event;
      if (ROUTINE.includes(reason)) continue;
      const code = reason === UNSCHEDULABLE.event ? UNSCHEDULABLE.code : reason;
      yield { code, message: message.slice(0, NOTICE_LIMIT), pod: pod.name, at: now() };
    }
  } catch (error) {
    if (signal.aborted || isWaybillError(error)) return;
    throw error;
  }
}
