import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { type KubeClient, type Pause, type Stored, watch } from '../../kube/index.ts';
import type { RunRef } from '../types.ts';
import { runSelector } from './labels.ts';
import { PodTracker } from './tracker.ts';

/** Who wants to know of a run's pods. */
export interface FeedListener {
  /** A pod that is there, has changed, or has been deleted. */
  pod?(pod: Stored<Pod>, change: 'added' | 'modified' | 'deleted'): void;
  /** All pods that were there have been told. */
  synced?(): void;
  broken?(error: unknown, count: number): void;
  /** The watch has ended for good. */
  failed(error: unknown): void;
}

/** The pods of one run: one watch, shared by all who listen, open as long as somebody does. */
export class PodFeed {
  readonly #client: KubeClient;
  readonly #run: RunRef;
  readonly #pause: Pause | undefined;
  readonly #unheard: () => void;
  readonly #listeners = new Set<FeedListener>();
  readonly #known = new Map<string, Stored<Pod>>();
  #open: AbortController | undefined;
  tracker = new PodTracker();

  /** `unheard` is called when the last listener has left. */
  constructor(client: KubeClient, run: RunRef, pause?: Pause, unheard: () => void = () => {}) {
    this.#client = client;
    this.#run = run;
    this.#pause = pause;
    this.#unheard = unheard;
  }

  /** Starts to listen, with the pods known already; the result ends it. */
  listen(listener: FeedListener): () => void {
    for (const pod of this.#known.values()) listener.pod?.(pod, 'added');
    if (this.tracker.synced) listener.synced?.();
    this.#listeners.add(listener);
    if (this.#open === undefined) {
      const open = new AbortController();
      this.#open = open;
      this.#watch(open.signal).catch((error: unknown) => {
        for (const { failed } of this.#listeners) failed(error);
      });
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#open?.abort();
      this.#open = undefined;
      this.#known.clear();
      this.tracker = new PodTracker();
      this.#unheard();
    };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const changes = watch(this.#client, 'pods', {
      namespace: this.#run.namespace,
      labelSelector: runSelector(this.#run),
      persistent: true,
      signal,
      onBreak: (error, count) => {
        for (const { broken } of this.#listeners) broken?.(error, count);
      },
      ...(this.#pause && { pause: this.#pause }),
    });
    for await (const change of changes) {
      if (signal.aborted) return;
      if (change.type === 'synced') {
        this.tracker.sync();
        for (const { synced } of this.#listeners) synced?.();
        continue;
      }
      const { type, object } = change;
      if (type === 'deleted') this.#known.delete(object.metadata.name);
      else this.#known.set(object.metadata.name, object);
      this.tracker.set(object.metadata.name, type === 'deleted' ? undefined : object);
      for (const { pod } of this.#listeners) pod?.(object, type);
    }
  }
}
