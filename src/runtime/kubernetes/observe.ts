import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError, messageOf } from '../../core/index.ts';
import type { EngineEvent } from '../../engine/index.ts';
import {
  attachOutput,
  type ContainerView,
  followLog,
  type KubeClient,
  type Pause,
  type Stored,
  sleep,
} from '../../kube/index.ts';
import type { Plan } from '../../plan/index.ts';
import { hasEnded, interpretPod, SUPERVISOR, stopOf, troublesOf } from '../../pod/index.ts';
import { Inbox } from '../inbox.ts';
import type { Observation, ObserveOptions, PodHandle, RunRef } from '../types.ts';
import type { PodFeed } from './feed.ts';
import { endInjected, isHeldUp } from './injected.ts';
import { handleOf } from './labels.ts';
import { logReader } from './log-reader.ts';
import { killedIn, withOom } from './oom.ts';
import { startProgress } from './progress.ts';
import { supervisorStarts } from './starts.ts';
import { tellsStop, withStopOf } from './stops.ts';

export interface Observer {
  readonly client: KubeClient;
  readonly feed: PodFeed;
  readonly now: () => number;
  readonly pause?: Pause;
}

/** The supervisor says at least that it lives three times as often. */
const SILENCE_MS = 65_000;
const LOOK_MS = 5000;
/** The kubelet looks once a second; one that is away is not waited for. */
const STATUS_MS = 5000;

/**
 * The story of a run's pods: one watch over all of them, and for each the log of its supervisor, opened when the watch
 * shows it running. The log is believed before the status, which lags behind; what the log leaves open when it has ended,
 * the status decides. Until the log can be read the supervisor's output is heard live, if that is allowed: a short pod has
 * told everything by then.
 */
export async function* observeRun(
  observer: Observer,
  run: RunRef,
  { plan, ignore, signal }: ObserveOptions,
): AsyncGenerator<Observation> {
  const out = new Inbox<Observation>();
  const stories = new Map<string, Story>();
  const told: Promise<void>[] = [];
  let present: PodHandle[] | undefined = [];
  const over = new AbortController();
  const within = AbortSignal.any([signal, over.signal]);
  const see = (pod: Stored<Pod>, deleted: boolean): void => {
    const handle = handleOf(run, pod.metadata);
    if (handle === undefined) return;
    if (!deleted) present?.push(handle);
    if (ignore?.has(handle.uid)) return;
    const known = stories.get(handle.uid);
    const story = known ?? new Story({ observer, run, plan, handle, out, signal: within });
    story.see(pod, deleted);
    if (known !== undefined) return;
    if (present === undefined && !deleted) out.push({ kind: 'appeared', pod: handle });
    stories.set(handle.uid, story);
    told.push(story.tell().catch((error: unknown) => out.close({ error })));
  };
  const leave = observer.feed.listen({
    pod: (pod, change) => see(pod, change === 'deleted'),
    synced: () => {
      out.push({ kind: 'present', pods: present ?? [] });
      present = undefined;
    },
    // One cut is nothing; a server that stays away is worth a word.
    broken: (error, count) => {
      if (count === 3)
        out.push(notice(isWaybillError(error) ? error.code : 'Broken', messageOf(error), null, observer.now()));
    },
    failed: (error) => out.close({ error }),
  });
  signal.addEventListener('abort', () => out.close(), { once: true });
  const live = { allowed: true };
  const hear = async (): Promise<void> => {
    for await (const uid of supervisorStarts(observer.client, run, within)) {
      if (!live.allowed) return;
      stories
        .get(uid)
        ?.hear(live)
        .catch((error: unknown) => out.close({ error }));
    }
  };
  hear().catch((error: unknown) => out.close({ error }));
  try {
    if (!signal.aborted) yield* out;
  } finally {
    over.abort();
    leave();
    await Promise.all(told);
  }
}

const notice = (code: string, message: string, pod: string | null, at: number): Observation => ({
  kind: 'notice',
  notice: { code, message, pod, at },
});

interface Context {
  readonly observer: Observer;
  readonly run: RunRef;
  readonly plan: Plan;
  readonly handle: PodHandle;
  readonly out: Inbox<Observation>;
  readonly signal: AbortSignal;
}

/** One pod, from when it is first seen until all is told. */
class Story {
  readonly #context: Context;
  readonly #view: ContainerView;
  /** Aborts when nothing more is to be told of the start. */
  readonly #started = new AbortController();
  /** Aborts when the log can be read, or everything has been told: there is no more use in the live output. */
  readonly #heard = new AbortController();
  /** Aborts when the live output has told everything. */
  readonly #told = new AbortController();
  readonly #troubles = troublesOf();
  readonly #noticed = new Set<string>();
  #pod: Pod | undefined;
  #deleted = false;
  #over = false;
  #looking = false;

  constructor(context: Context) {
    this.#context = context;
    this.#view = context.observer.feed.tracker.view(context.handle.name, SUPERVISOR);
  }

  /** A new state of the pod. What it says of a pod that still runs is told at once, all else when the log has been read. */
  see(pod: Pod, deleted: boolean): void {
    this.#pod = pod;
    this.#deleted = deleted;
    if (this.#view.state() !== 'waiting') this.#started.abort();
    if (!deleted && !hasEnded(pod)) this.#tellStatus();
  }

  /** Tells everything, once the pod has been seen. */
  async tell(): Promise<void> {
    const { observer, run, handle, out, signal } = this.#context;
    const { client, pause, now } = observer;
    const { name } = handle;
    const view = this.#view;
    if (view.state() === 'waiting') {
      this.#tellStart().catch((error: unknown) => this.#notice('Internal', messageOf(error)));
    }
    const reader = logReader(run, handle);
    const within = AbortSignal.any([signal, this.#told.signal]);
    const log = { namespace: run.namespace, pod: name, container: SUPERVISOR, view, signal: within };
    try {
      for await (const line of followLog(client, { ...log, silence: SILENCE_MS, ...(pause && { pause }) })) {
        this.#heard.abort();
        for (const event of reader.line(line)) await this.#tellEvent(event);
        if (reader.closed) break;
      }
    } catch (error) {
      if (!isWaybillError(error, 'Forbidden')) throw error;
      out.push(notice('LogForbidden', error.message, name, now()));
    }
    this.#started.abort();
    if (!reader.closed && !this.#told.signal.aborted) await this.#tellEnd();
    this.#heard.abort();
    this.#over = true;
    if (reader.closed || this.#told.signal.aborted || (this.#pod !== undefined && hasEnded(this.#pod))) {
      await this.#endRest();
    }
  }

  /** All is told: what others put into the pod must not keep it running. */
  async #endRest(): Promise<void> {
    const { observer, run, handle } = this.#context;
    if (this.#pod === undefined || this.#deleted || !isHeldUp(this.#pod)) return;
    try {
      await endInjected(observer.client, run, handle);
    } catch (error) {
      this.#notice('PodKeepsRunning', messageOf(error));
    }
  }

  /**
   * Hears the supervisor, which has just started, until its log can be read. Only its closing is believed: that tells all
   * again, so that it does not matter what it had said before. Where nobody may listen, `live` keeps others from trying.
   */
  async hear(live: { allowed: boolean }): Promise<void> {
    const { observer, run, handle, signal } = this.#context;
    const within = AbortSignal.any([signal, this.#heard.signal]);
    if (within.aborted || this.#view.state() !== 'waiting') return;
    const reader = logReader(run, handle);
    const what = { namespace: run.namespace, pod: handle.name, container: SUPERVISOR, signal: within };
    try {
      for await (const line of attachOutput(observer.client, what)) {
        const events = reader.line(line);
        if (within.aborted || !reader.closed) continue;
        for (const event of events) await this.#tellEvent(event);
        this.#told.abort();
        return;
      }
    } catch (error) {
      if (within.aborted) return;
      if (!isWaybillError(error)) throw error;
      live.allowed = false;
    }
  }

  /** An event of the agent. Of a killed step, or a pod that was stopped, the pod's status knows the reason, about a second later. */
  async #tellEvent(event: EngineEvent): Promise<void> {
    const { observer, plan, handle, signal } = this.#context;
    const over = AbortSignal.any([signal, AbortSignal.timeout(STATUS_MS)]);
    for (const container of killedIn(plan, event)) {
      const view = observer.feed.tracker.view(handle.name, container);
      while (!over.aborted && view.state() !== 'terminated' && view.state() !== 'gone') {
        await Promise.race([view.changed(), aborted(over)]);
      }
    }
    while (tellsStop(event) && !over.aborted && !this.#deleted && !this.#isStopped()) {
      await Promise.race([this.#view.changed(), aborted(over)]);
    }
    this.#push(withOom(plan, this.#pod, withStopOf(plan, this.#pod, event)));
  }

  #isStopped(): boolean {
    const { plan, handle } = this.#context;
    return this.#pod !== undefined && stopOf(plan, handle.group, this.#pod) !== undefined;
  }

  /** Without a closing snapshot the pod's own end decides. */
  async #tellEnd(): Promise<void> {
    const { signal } = this.#context;
    while (!signal.aborted && !this.#deleted && this.#pod !== undefined && !hasEnded(this.#pod)) {
      await Promise.race([this.#view.changed(), aborted(signal)]);
    }
    if (!signal.aborted) this.#tellStatus();
  }

  async #tellStart(): Promise<void> {
    const { observer, run, handle, signal } = this.#context;
    const { client, now, pause } = observer;
    const within = AbortSignal.any([signal, this.#started.signal]);
    const progress = startProgress(client, run, handle, { signal: within, now, ...(pause && { pause }) });
    for await (const { code, message } of progress) this.#notice(code, message);
  }

  #tellStatus(): void {
    if (this.#over || this.#pod === undefined) return;
    const { observer, plan, handle } = this.#context;
    const looked = { at: observer.now(), deleted: this.#deleted, troubles: this.#troubles };
    const { events, notices, again } = interpretPod(plan, this.#pod, handle, looked);
    for (const { code, message } of notices) this.#notice(code, message);
    for (const event of events) this.#push(event);
    if (again) void this.#lookAgain();
  }

  /** What is borne for a while becomes a loss by the passing of time, without a change of the pod. */
  async #lookAgain(): Promise<void> {
    if (this.#looking) return;
    const { observer, signal } = this.#context;
    this.#looking = true;
    await (observer.pause ?? sleep)(LOOK_MS, signal).catch(() => undefined);
    this.#looking = false;
    if (!signal.aborted && !this.#deleted && this.#pod !== undefined && !hasEnded(this.#pod)) this.#tellStatus();
  }

  #notice(code: string, message: string): void {
    const key = `${code} ${message}`;
    if (this.#noticed.has(key)) return;
    this.#noticed.add(key);
    const { observer, handle, out } = this.#context;
    out.push(notice(code, message, handle.name, observer.now()));
  }

  #push(event: EngineEvent): void {
    const { handle, out } = this.#context;
    out.push({ kind: 'event', uid: handle.uid, event });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
