import type { EngineEvent } from '../../engine/index.ts';
import { attachOutput, type KubeClient } from '../../kube/index.ts';
import { SUPERVISOR } from '../../pod/index.ts';
import type { PodHandle, RunRef } from '../types.ts';
import { logReader } from './log-reader.ts';

/**
 * The events of a supervisor's closing, heard from its output as it writes it; empty where that ends before, or `signal`
 * aborts. Nothing else is believed: the closing tells all again, so that it does not matter what had been said before.
 * Throws where nobody may listen.
 */
export const hearClosing = async (
  client: Pick<KubeClient, 'attach'>,
  run: RunRef,
  pod: PodHandle,
  signal: AbortSignal,
): Promise<readonly EngineEvent[]> => {
  const reader = logReader(run, pod);
  const what = { namespace: run.namespace, pod: pod.name, container: SUPERVISOR, signal };
  for await (const line of attachOutput(client, what)) {
    const events = reader.line(line);
    if (signal.aborted) return [];
    if (reader.closed) return events;
  }
  return [];
};
