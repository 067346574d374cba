import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError } from '../../core/index.ts';
import { isConflict, type KubeClient } from '../../kube/index.ts';
import { injectedContainers, isTerminal } from '../../pod/index.ts';
import type { PodHandle, RunRef } from '../types.ts';
import { KEYS } from './labels.ts';

/** The API server is there, or nobody waits for it. */
const PATIENCE_MS = 5000;

/** Whether a pod of which all is told would go on running, for a container that is not ours, and nobody has seen to it yet. */
export const isHeldUp = (pod: Pod): boolean =>
  pod.metadata?.deletionTimestamp === undefined &&
  pod.metadata?.annotations?.[KEYS.told] === undefined &&
  !isTerminal(pod) &&
  injectedContainers(pod).length > 0;

/**
 * Ends a pod that others' containers keep running, and keeps it and its logs: its deadline is set to what has passed already,
 * so that its kubelet ends what is left, and an annotation says that this is no timeout. A pod that is gone has ended.
 */
export const endInjected = async (client: KubeClient, run: RunRef, { name, uid }: PodHandle): Promise<void> => {
  const patch = { metadata: { annotations: { [KEYS.told]: 'true' } }, spec: { activeDeadlineSeconds: 1 } };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  await client.patch('pods', name, patch, { namespace: run.namespace, uid, signal }).catch((error: unknown) => {
    if (!isConflict(error) && !isWaybillError(error, 'NotFound')) throw error;
  });
};
