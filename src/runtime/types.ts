import type { PersistentVolumeClaim, Pod, Secret } from 'kubernetes-types/core/v1.d.ts';
import type { Digest } from '../core/index.ts';
import type { EngineEvent, Time } from '../engine/index.ts';
import type { LogReport } from '../kube/index.ts';
import type { Plan } from '../plan/index.ts';

/** A run, as a runtime knows it. */
export interface RunRef {
  readonly name: string;
  readonly namespace: string;
  /** Made with the plan; on every object of the run as the label `waybill.dev/run-uid`. */
  readonly uid: string;
  readonly planDigest: Digest;
  /** The record, which owns all objects of the run. */
  readonly owner: { readonly name: string; readonly uid: string };
  /** Of the driver that acts. */
  readonly epoch: number;
  /** When its record was made. The run begins then, whichever driver writes down that it did. */
  readonly createdAt: Time;
}

/** One pod to start, as compiled from the plan and the results known so far. */
export interface PodRequest {
  readonly group: number;
  readonly attempt: number;
  /** Its name is fixed by run, group and attempt. */
  readonly pod: Pod;
  /** Must exist before the pod. */
  readonly secrets: readonly Secret[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** How many of the pod's tasks can run at the same time. */
  readonly atOnce: number;
}

export interface PodHandle {
  readonly name: string;
  readonly uid: string;
  readonly group: number;
  readonly attempt: number;
}

/** What a runtime saw. */
export type Observation =
  /** Something happened in a pod. The reader decides, by the pod's uid, whether that pod counts. */
  | { readonly kind: 'event'; readonly uid: string; readonly event: EngineEvent }
  /** The pods that there were when observing began; given once, before later changes. */
  | { readonly kind: 'present'; readonly pods: readonly PodHandle[] }
  /** A pod of the run that was not there when observing began. Whether it is wanted, the reader knows. */
  | { readonly kind: 'appeared'; readonly pod: PodHandle }
  | { readonly kind: 'notice'; readonly notice: Notice };

/** Something that explains to the user why nothing else happens. `code` is Kubernetes' reason, or ours. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  /** Name of the pod that it is about. */
  readonly pod: string | null;
  readonly at: Time;
}

/**
 * What starts and watches pods. Adding one is a folder here and a run of the contract suite. Every method can be repeated
 * after a failure without doing harm.
 */
export interface Runtime {
  readonly name: string;
  /**
   * Creates the pod and what it needs, or adopts the pod of that name, if it is of this run, plan and spec; else throws
   * `ObjectExists`.
   */
  start(run: RunRef, request: PodRequest, signal?: AbortSignal): Promise<PodHandle>;
  /** All that happens to the run's pods, until the signal aborts. Pods whose uid is in `ignore` have told all they know. */
  observe(run: RunRef, options: ObserveOptions): AsyncIterable<Observation>;
  /** Lines of a container's log, from the first to the last. */
  logs(run: RunRef, pod: string, container: string, options?: LogsOptions): AsyncIterable<Buffer>;
  /** Ends a pod. One that has ended already is kept, for its logs. */
  stop(run: RunRef, pod: PodHandle, signal?: AbortSignal): Promise<void>;
  /** No new task may start in the pod. */
  drain(run: RunRef, pod: PodHandle, signal?: AbortSignal): Promise<void>;
  list(run: RunRef, signal?: AbortSignal): Promise<readonly PodHandle[]>;
}

export interface LogsOptions {
  readonly signal?: AbortSignal;
  /** What is learned beside the lines: that some are missing, say. */
  readonly report?: (said: LogReport) => void;
}

export interface ObserveOptions {
  /** Tells what the state of a pod means for its tasks. */
  readonly plan: Plan;
  readonly ignore?: ReadonlySet<string>;
  readonly signal: AbortSignal;
}
