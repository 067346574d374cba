import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError, messageOf } from '../../core/index.ts';
import type { EngineEvent } from '../../engine/index.ts';
import { type ContainerView, followLog, type KubeClient, type LogReport, type Pause, sleep } from '../../kube/index.ts';
import type { Plan } from '../../plan/index.ts';
import { hasEnded, interpretPod, SUPERVISOR, stopOf, troublesOf } from '../../pod/index.ts';
import type { Inbox } from '../inbox.ts';
import type { Observation, PodHandle, RunRef } from '../types.ts';
import type { PodFeed } from './feed.ts';
import { endInjected, isHeldUp } from './injected.ts';
import { hearClosing } from './live.ts';
import { logReader } from './log-reader.ts';
import { killedIn, withOom } from './oom.ts';
import { NOTICE_LIMIT, startProgress } from './progress.ts';
import { tellsStop, withStopOf } from './stops.ts';

/** How long a supervisor may say nothing, in milliseconds. */
export interface Patience {
  /** Until its log is asked for again: the connection may be dead. */
  readonly silence: number;
  /** Until it counts as dead though its log can be read. */
  readonly dead: number;
}

export interface Observer {
  readonly client: KubeClient;
  readonly feed: PodFeed;
  readonly now: () => number;
  readonly pause?: Pause;
  readonly patience?: Patience | undefined;
}

/** Events about how the nodes are set up: every pod of a run has them. */
const OF_NODES = ['MissingClusterDNS'];

/** What the pods of a run have in common. */
interface Shared {
  /** Whether supervisors may be heard live, as far as is known. */
  attach: boolean;
  /** A notice about no pod in particular, the first of its code. */
  sayOnce(code: string, message: string): void;
}

/** The supervisor says at least that it lives every 20 s: three times in one silence, nine times before it counts as dead. */
const PATIENCE: Patience = { silence: 65_000, dead: 180_000 };
const LOOK_MS = 5000;
/** The kubelet looks once a second; one that is away is not waited for. */
const STATUS_MS = 5000;
/** A pod that was stopped ends; what for, its node says then at the latest, unless it does not answer. */
const STOP_MS = 20_000;

interface Context {
  readonly observer: Observer;
  readonly run: RunRef;
  readonly plan: Plan;
  readonly handle: PodHandle;
  readonly out: Inbox<Observation>;
  readonly shared: Shared;
  readonly signal: AbortSignal;
}

/**
 * One pod, from when it is first seen until all is told. Its supervisor's log is believed before its status, which lags
 * behind; what the log leaves open, the status decides.
 */
export class PodStory {
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
  #listening: Promise<void> | undefined;
  /** All that the supervisor said has been read: what it did not speak of has not started. */
  #whole = false;
  /** Milliseconds for which the supervisor has said nothing, where that is too long. */
  #silent: number | undefined;

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
    const { observer, run, handle, out, shared, signal } = this.#context;
    const { client, pause } = observer;
    const { name } = handle;
    const view = this.#view;
    if (view.state() === 'waiting') {
      this.#tellStart().catch((error: unknown) => this.#notice('Internal', messageOf(error)));
    }
    const reader = logReader(run, handle);
    const within = AbortSignal.any([signal, this.#told.signal]);
    const log = { namespace: run.namespace, pod: name, container: SUPERVISOR, view, signal: within };
    const report = (said: LogReport): void => this.#learn(said);
    const options = { ...log, ...PATIENCE, ...observer.patience, report, ...(pause && { pause }) };
    try {
      for await (const line of followLog(client, options)) {
        this.#heard.abort();
        for (const event of reader.line(line)) await this.#tellEvent(event);
        if (reader.closed) break;
      }
    } catch (error) {
      if (!isWaybillError(error, 'Forbidden')) throw error;
      shared.sayOnce('LogForbidden', `${error.message}: no logs are shown, and outcomes come with the end of a pod`);
      if (view.state() === 'running') this.#listen().catch((other: unknown) => out.close({ error: other }));
    }
    this.#whole &&= !reader.gap;
    this.#started.abort();
    if (this.#silent !== undefined) this.#tellSilence(this.#silent);
    else if (!reader.closed && !this.#told.signal.aborted) await this.#tellEnd();
    this.#heard.abort();
    this.#over = true;
    if (reader.closed || this.#told.signal.aborted || (this.#pod !== undefined && hasEnded(this.#pod))) {
      await this.#endRest();
    }
  }

  #learn(said: LogReport): void {
    const { shared } = this.#context;
    switch (said.kind) {
      case 'polled':
        shared.sayOnce('LogPolled', `a node cannot follow logs, they are read every few seconds: ${said.message}`);
        return;
      case 'whole':
        this.#whole = true;
        return;
      case 'silent':
        this.#silent = said.milliseconds;
        return;
      // Events have numbers: what is missing is known, and closing or status make up for it.
      case 'gap':
      case 'rotated':
      case 'unread':
        return;
    }
  }

  /**
   * The supervisor hangs: its log can be read, and says nothing. What its tasks do is not known, and nothing of it may be done
   * twice: those that had started fail, and the pod is stopped.
   */
  #tellSilence(milliseconds: number): void {
    const { observer, handle } = this.#context;
    const { name, group, attempt } = handle;
    const message = `the supervisor of pod ${name} has said nothing for ${Math.round(milliseconds / 1000)} s`;
    const at = observer.now();
    this.#push({ kind: 'podLost', group, attempt, at, reason: 'AgentSilent', message, infrastructure: false });
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

  /** Hears the supervisor, which has just started, until its log can be read. */
  async hear(): Promise<void> {
    if (this.#view.state() === 'waiting') await this.#listen();
  }

  /** Hears the supervisor until it closes. Where nobody may listen, others need not try. */
  #listen(): Promise<void> {
    const { shared, signal } = this.#context;
    const within = AbortSignal.any([signal, this.#heard.signal]);
    if (this.#listening === undefined && shared.attach && !within.aborted && !this.#over) {
      this.#listening = this.#listenWithin(within).finally(() => {
        this.#listening = undefined;
      });
    }
    return this.#listening ?? Promise.resolve();
  }

  async #listenWithin(signal: AbortSignal): Promise<void> {
    const { observer, run, handle, shared } = this.#context;
    try {
      const events = await hearClosing(observer.client, run, handle, signal);
      for (const event of events) await this.#tellEvent(event);
      if (events.length > 0) this.#told.abort();
    } catch (error) {
      if (signal.aborted) return;
      if (!isWaybillError(error)) throw error;
      shared.attach = false;
    }
  }

  /** An event of the agent. Of a killed step, or a pod that was stopped, the pod's status knows the reason, about a second later. */
  async #tellEvent(event: EngineEvent): Promise<void> {
    const { observer, plan, handle, signal } = this.#context;
    const over = AbortSignal.any([signal, AbortSignal.timeout(STOP_MS)]);
    for (const container of killedIn(plan, event)) {
      const view = observer.feed.tracker.view(handle.name, container);
      while (!over.aborted && view.state() !== 'terminated' && view.state() !== 'gone') {
        await Promise.race([view.changed(), aborted(over)]);
      }
    }
    if (tellsStop(event)) await this.#untilStopped();
    this.#push(withOom(plan, this.#pod, withStopOf(plan, this.#pod, event)));
  }

  async #untilStopped(): Promise<void> {
    const { plan, handle, signal } = this.#context;
    const over = AbortSignal.any([signal, AbortSignal.timeout(STOP_MS)]);
    const open = (): boolean =>
      this.#pod !== undefined && !hasEnded(this.#pod) && stopOf(plan, handle.group, this.#pod) === undefined;
    while (!over.aborted && !this.#deleted && open()) await Promise.race([this.#view.changed(), aborted(over)]);
  }

  /** Without a closing snapshot the pod's own end decides. */
  async #tellEnd(): Promise<void> {
    const { signal } = this.#context;
    const over = AbortSignal.any([signal, this.#told.signal]);
    while (!over.aborted && !this.#deleted && this.#pod !== undefined && !hasEnded(this.#pod)) {
      await Promise.race([this.#view.changed(), aborted(over)]);
    }
    // What it said last may still be on its way.
    const late = AbortSignal.any([over, AbortSignal.timeout(STATUS_MS)]);
    await Promise.race([this.#listening, aborted(late)]);
    if (!over.aborted) this.#tellStatus();
  }

  async #tellStart(): Promise<void> {
    const { observer, run, handle, shared, signal } = this.#context;
    const { client, now, pause } = observer;
    const within = AbortSignal.any([signal, this.#started.signal]);
    const progress = startProgress(client, run, handle, { signal: within, now, ...(pause && { pause }) });
    for await (const { code, message } of progress) {
      if (OF_NODES.includes(code)) shared.sayOnce(code, message);
      else this.#notice(code, message);
    }
  }

  #tellStatus(): void {
    if (this.#over || this.#pod === undefined) return;
    const { observer, plan, handle } = this.#context;
    const looked = { at: observer.now(), deleted: this.#deleted, troubles: this.#troubles, heard: this.#whole };
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

  #notice(code: string, said: string): void {
    const message = said.slice(0, NOTICE_LIMIT);
    const key = `${code} ${message}`;
    if (this.#noticed.has(key)) return;
    this.#noticed.add(key);
    const { observer, handle, out } = this.#context;
    out.push({ kind: 'notice', notice: { code, message, pod: handle.name, at: observer.now() } });
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
