import type { KubeClient } from '../../kube/index.ts';
import { followLog } from '../../kube/index.ts';
import { hasEnded } from '../../pod/index.ts';
import type { LogsOptions, PodHandle, RunRef } from '../types.ts';
import { handleOf, runSelector } from './labels.ts';

/** A pod of a run as whoever looks at the run sees it. */
export interface RunPod extends PodHandle {
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`; `Terminating` where it is being deleted. */
  readonly phase: string;
  readonly ended: boolean;
  readonly node: string | null;
  /** Names of the containers that run or have run. */
  readonly started: ReadonlySet<string>;
}

/** The pods of a run that are there, by group and attempt, whoever drives it. */
export const podsOf = async (client: KubeClient, run: RunRef, signal?: AbortSignal): Promise<readonly RunPod[]> => {
  const { items } = await client.list('pods', { namespace: run.namespace, labelSelector: runSelector(run), signal });
  return items
    .flatMap((pod): readonly RunPod[] => {
      const { metadata, spec, status } = pod;
      const handle = handleOf(run, metadata);
      if (handle === undefined) return [];
      const containers = (status?.containerStatuses ?? []).filter(
        ({ state }) => state?.running !== undefined || state?.terminated !== undefined,
      );
      const ended = hasEnded(pod);
      const going = !ended && metadata.deletionTimestamp !== undefined;
      const phase = going ? 'Terminating' : (status?.phase ?? 'Unknown');
      const started = new Set(containers.map(({ name }) => name));
      return [{ ...handle, phase, ended, node: spec?.nodeName ?? null, started }];
    })
    .sort((a, b) => a.group - b.group || a.attempt - b.attempt);
};

/** What a container has written so far: nothing that comes later is waited for. Throws `Forbidden`. */
export const readLog = (
  client: KubeClient,
  { namespace }: RunRef,
  pod: string,
  container: string,
  options: LogsOptions = {},
): AsyncIterable<Buffer> => {
  const view = { state: () => 'terminated' as const, changed: () => new Promise<void>(() => {}) };
  return followLog(client, { namespace, pod, container, view, ...options });
};
