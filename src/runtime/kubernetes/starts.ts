import { isWaybillError } from '../../core/index.ts';
import { type KubeClient, watch } from '../../kube/index.ts';
import { SUPERVISOR } from '../../pod/index.ts';
import type { RunRef } from '../types.ts';

const STARTED = `reason=Started,involvedObject.fieldPath=spec.containers{${SUPERVISOR}}`;

/**
 * Uids of pods whose supervisor has just started, by the kubelet's Events: those come at once, while the pod's status waits
 * for the last container to start and the kubelet's next look. Pods of other runs are among them. Ends silently where Events
 * may not be read.
 */
export async function* supervisorStarts(client: KubeClient, run: RunRef, signal: AbortSignal): AsyncGenerator<string> {
  const { namespace } = run;
  try {
    // No object has this name: the answer is but the version from which to watch, without a look at all Events.
    const { resourceVersion } = await client.list('events', {
      namespace,
      fieldSelector: 'metadata.name=waybill',
      signal,
    });
    for await (const change of watch(client, 'events', {
      namespace,
      fieldSelector: STARTED,
      from: resourceVersion,
      signal,
    })) {
      if (change.type === 'added') yield change.object.involvedObject.uid ?? '';
    }
  } catch (error) {
    if (!signal.aborted && !isWaybillError(error)) throw error;
  }
}
