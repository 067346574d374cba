import type { Event } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError } from '../../core/index.ts';
import { type KubeClient, type Pause, sleep, watch } from '../../kube/index.ts';
import type { Notice, PodHandle, RunRef } from '../types.ts';

/** A pod that starts within this time is not asked why it does not. */
const PATIENCE_MS = 2000;

/** What happens to every pod, and is no news. */
const ROUTINE = ['Scheduled', 'Pulled', 'Created', 'Started', 'Killing', 'SuccessfulAttachVolume'];

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
      if (!ROUTINE.includes(reason)) yield { code: reason, message: message.slice(0, 1000), pod: pod.name, at: now() };
    }
  } catch (error) {
    if (signal.aborted || isWaybillError(error)) return;
    throw error;
  }
}
