import { isWaybillError } from '../../core/index.ts';
import { followLog, isConflict, type KubeClient, type Pause } from '../../kube/index.ts';
import { hasEnded } from '../../pod/index.ts';
import type { PodHandle, RunRef, Runtime } from '../types.ts';
import { PodFeed } from './feed.ts';
import { endInjected, isHeldUp } from './injected.ts';
import { handleOf, KEYS, runSelector } from './labels.ts';
import { type NamespaceLimits, namespaceLimits } from './limits.ts';
import { observeRun } from './observe.ts';
import { startPod } from './start.ts';
import type { Patience } from './story.ts';

/** A step may say nothing for as long as it likes; but then its log is asked for again, since the connection may be dead. */
const SILENCE_MS = 120_000;

/** The runtime that starts pods in a Kubernetes cluster. One pod watch a run, one log connection a pod. */
export const kubernetesRuntime = (
  client: KubeClient,
  {
    now = Date.now,
    pause,
    limits,
    patience,
  }: {
    readonly now?: () => number;
    readonly pause?: Pause;
    /** Of the one namespace whose runs are driven; read when first needed, unless given. */
    readonly limits?: NamespaceLimits;
    /** With supervisors that say nothing; by default that of their heartbeat. */
    readonly patience?: Patience;
  } = {},
): Runtime => {
  const feeds = new Map<string, PodFeed>();
  const known = new Map<string, NamespaceLimits>();
  const limitsOf = ({ namespace }: RunRef): NamespaceLimits => {
    const found = limits ?? known.get(namespace) ?? namespaceLimits(client, namespace);
    known.set(namespace, found);
    return found;
  };
  const feedOf = (run: RunRef): PodFeed => {
    const feed = feeds.get(run.uid) ?? new PodFeed(client, run, pause, () => feeds.delete(run.uid));
    feeds.set(run.uid, feed);
    return feed;
  };
  return {
    name: 'kubernetes',
    list: async (run, signal) => {
      const selection = { namespace: run.namespace, labelSelector: runSelector(run), signal };
      const { items } = await client.listMetadata('pods', selection);
      return items
        .map(({ metadata }): PodHandle | undefined => handleOf(run, metadata))
        .filter((pod) => pod !== undefined);
    },
    start: (run, request, signal) => startPod(client, run, request, limitsOf(run), signal),
    observe: (run, options) =>
      observeRun({ client, feed: feedOf(run), now, patience, ...(pause && { pause }) }, run, options),
    stop: async (run, pod, signal) => {
      const known = feeds.get(run.uid)?.tracker.get(pod.name);
      if (known !== undefined && known.metadata?.uid === pod.uid && hasEnded(known)) {
        if (isHeldUp(known)) await endInjected(client, run, pod);
        return;
      }
      await client.delete('pods', pod.name, { namespace: run.namespace, uid: pod.uid, signal }).catch(unlessOther);
    },
    drain: async (run, pod, signal) => {
      const patch = { metadata: { annotations: { [KEYS.drain]: 'true' } } };
      await client
        .patch('pods', pod.name, patch, { namespace: run.namespace, uid: pod.uid, signal })
        .catch(unlessOther);
    },
    logs: async function* (run, pod, container, { signal, report } = {}) {
      const over = new AbortController();
      let failure: { readonly error: unknown } | undefined;
      const feed = feedOf(run);
      const leave = feed.listen({
        failed: (error) => {
          failure = { error };
          over.abort();
        },
      });
      const within = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
      const view = feed.tracker.view(pod, container);
      try {
        yield* followLog(client, {
          namespace: run.namespace,
          pod,
          container,
          view,
          signal: within,
          silence: SILENCE_MS,
          ...(report && { report }),
          ...(pause && { pause }),
        });
      } finally {
        leave();
      }
      if (failure !== undefined) throw failure.error;
    },
  };
};

/** A pod that is gone, even if another one has its name now, has stopped. */
const unlessOther = (error: unknown): void => {
  if (!isConflict(error) && !isWaybillError(error, 'NotFound')) throw error;
};
