import { isWaybillError } from '../core/index.ts';
import { type Action, advance, type EngineEvent, pendingActions, type RunState } from '../engine/index.ts';
import { type Pause, sleep } from '../kube/index.ts';
import type { Plan } from '../plan/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { Inbox } from './inbox.ts';
import { type PodMessage, RunPods } from './pods.ts';
import type { HeldRecord } from './record.ts';
import type { Notice, Observation, PodHandle, PodRequest, Runtime } from './types.ts';

/** What a driver tells whoever shows the run. */
export type DriverEvent =
  /** The run has changed. */
  | { readonly kind: 'changed'; readonly event: EngineEvent; readonly state: RunState }
  | { readonly kind: 'notice'; readonly notice: Notice };

export interface DriveOptions {
  readonly plan: Plan;
  readonly record: HeldRecord;
  readonly runtime: Runtime;
  /** The pod of a group's attempt, with the results known in that state. */
  readonly compile: (state: RunState, group: number, attempt: number) => PodRequest;
  /** Cancels the run: its pods are stopped, its record is written. */
  readonly signal?: AbortSignal;
  /** Ends the driver at once, and gives the lease back: the run goes on when it is resumed. */
  readonly force?: AbortSignal;
  readonly onEvent?: (event: DriverEvent) => void;
  readonly clock?: Clock;
  readonly pause?: Pause;
}

/**
 * Drives a run from wherever its record says it is to its end, and returns its last state, which has been written.
 * Throws `DriverLost` when another driver took over, the reason of `force` when that aborts, and what the runtime throws
 * when it can't observe. The lease is given back in any case, as far as somebody answers.
 */
export const drive = async (options: DriveOptions): Promise<RunState> => new Driver(options).run();

type Message = PodMessage | { readonly kind: 'observed'; readonly observation: Observation };

/** So long a driver that ends before its run tries to give its lease back. */
const LEAVE_MS = 5000;
/** Pods that nobody asked for must not fill the memory. */
const HELD_CAP = 20_000;

class Driver {
  readonly #options: DriveOptions;
  readonly #clock: Clock;
  readonly #inbox = new Inbox<Message>();
  /** Aborts when the driver ends. */
  readonly #over = new AbortController();
  readonly #pods: RunPods;
  /** Uids of the pods whose events count. */
  readonly #uids = new Set<string>();
  /** What was seen of pods that are not known yet: a watch may be faster than the answer to a creation. */
  readonly #held = new Map<string, EngineEvent[]>();
  #heldCount = 0;
  readonly #wakes = new Map<number, () => void>();
  readonly #resumed: boolean;
  #state: RunState;
  #finished = false;
  #observing: Promise<void> | undefined;
  /** Whether all pods of the run are known that an earlier driver may have left. */
  #ready: boolean;

  constructor(options: DriveOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = options.record.state;
    this.#resumed = this.#state.startedAt !== null;
    // The first driver knows that there is nothing; one before this may have made pods, and not come to write that it began.
    this.#ready = !this.#resumed && options.record.run.epoch === 1;
    const { plan, record, runtime, compile, pause = sleep } = options;
    this.#pods = new RunPods({
      ...{ plan, record, runtime, compile, pause },
      now: () => this.#clock.now(),
      state: () => this.#state,
      over: this.#over.signal,
      tell: (message) => this.#inbox.push(message),
      fail: (error) => this.#inbox.close({ error }),
      notice: (code, message) => this.#notice(code, message),
    });
  }

  async run(): Promise<RunState> {
    const { record, signal, force } = this.#options;
    const end = (reason: AbortSignal): void => this.#inbox.close({ error: reason.reason });
    onAbort(record.lost, this.#over.signal, () => end(record.lost));
    if (force !== undefined) onAbort(force, this.#over.signal, () => end(force));
    if (signal !== undefined) onAbort(signal, this.#over.signal, () => this.#interrupt());
    try {
      this.#begin();
      record.onCancel((mode) => this.#cancel(mode));
      for await (const message of this.#inbox) {
        this.#take(message);
        if (this.#finished && this.#ready && this.#pods.idle) break;
      }
      record.save(this.#state);
      await record.release();
      // What is left to do for pods that have told all.
      this.#over.abort();
      await this.#observing;
      return this.#state;
    } catch (error) {
      this.#over.abort();
      if (isWaybillError(error, 'DriverLost')) await this.#pods.disown().catch(() => undefined);
      else await this.#leave();
      throw error;
    } finally {
      this.#over.abort();
      for (const cancel of this.#wakes.values()) cancel();
    }
  }

  async #leave(): Promise<void> {
    const { record, pause = sleep } = this.#options;
    const left = new AbortController();
    const given = this.#pods.answered().then(() => record.release());
    await Promise.race([given, pause(LEAVE_MS, left.signal)]).catch(() => undefined);
    left.abort();
    record.abandon();
  }

  /** Whoever goes on with the run, should this process not live to see its end, must know that it was cancelled. */
  #interrupt(): void {
    if (this.#state.phase === 'done') return;
    this.#options.record.cancel('Cancelled');
    this.#cancel('Cancelled');
  }

  /** A new run starts at once; one that goes on first learns which of its pods are left. */
  #begin(): void {
    for (const [group, { pod, attempt }] of this.#state.groups.entries()) {
      if (pod !== null) this.#know({ ...pod, group, attempt });
    }
    if (this.#state.phase === 'done') {
      this.#finished = true;
      this.#ready = true;
      this.#inbox.push({ kind: 'done' });
      return;
    }
    this.#observing = this.#observe();
    if (!this.#resumed)
      this.#inbox.push({ kind: 'event', event: { kind: 'begin', at: this.#options.record.run.createdAt } });
  }

  async #observe(): Promise<void> {
    const { runtime, record, plan } = this.#options;
    const told = this.#state.groups.flatMap(({ phase, pod }) => (phase === 'done' && pod !== null ? [pod.uid] : []));
    try {
      const observations = runtime.observe(record.run, { plan, ignore: new Set(told), signal: this.#over.signal });
      for await (const observation of observations) this.#inbox.push({ kind: 'observed', observation });
    } catch (error) {
      this.#inbox.close({ error });
    }
  }

  #cancel(mode: 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally'): void {
    this.#inbox.push({ kind: 'event', event: { kind: 'cancel', mode, at: this.#clock.now() } });
  }

  #take(message: Message): void {
    switch (message.kind) {
      case 'event':
        this.#advance(message.event);
        return;
      case 'created':
        this.#created(message.pod);
        return;
      case 'observed':
        this.#observed(message.observation);
        return;
      case 'done':
        return;
    }
  }

  #advance(event: EngineEvent): void {
    const { state, actions } = advance(this.#options.plan, this.#state, event);
    const changed = state !== this.#state;
    this.#state = state;
    for (const action of actions) this.#act(action);
    if (!changed) return;
    // What follows from a pod's stop is written when it has been stopped, or whoever takes over would not stop it.
    if (!this.#pods.stopping) this.#options.record.save(state);
    this.#options.onEvent?.({ kind: 'changed', event, state });
  }

  #observed(observation: Observation): void {
    switch (observation.kind) {
      case 'notice':
        this.#options.onEvent?.({ kind: 'notice', notice: observation.notice });
        return;
      case 'present':
        if (this.#resumed) this.#resume(observation.pods);
        else for (const pod of observation.pods) this.#appeared(pod);
        this.#ready = true;
        return;
      case 'appeared':
        this.#appeared(observation.pod);
        return;
      case 'event': {
        const { uid, event } = observation;
        if (this.#uids.has(uid)) this.#advance(event);
        else if (this.#heldCount < HELD_CAP) {
          this.#heldCount += 1;
          const held = this.#held.get(uid);
          if (held === undefined) this.#held.set(uid, [event]);
          else held.push(event);
        }
        return;
      }
    }
  }

  /** Goes on where another driver left off: with the pods that are left, and what it may not have done. */
  #resume(present: readonly PodHandle[]): void {
    const at = this.#clock.now();
    const uids = new Set(present.map(({ uid }) => uid));
    const retried = new Set(this.#state.nodes.flatMap(({ retries }) => retries.map(({ pod }) => pod)));
    this.#ready = true;
    for (const [group, { pod, attempt, phase }] of this.#state.groups.entries()) {
      if (pod === null || phase === 'done' || uids.has(pod.uid)) continue;
      // Nobody heard what it did: its steps may have run, and only a retry of the task may run them again.
      const message = `pod ${pod.name} is gone; what it did since the last driver ended is not known`;
      this.#advance({ kind: 'podLost', group, attempt, reason: 'PodDeleted', message, infrastructure: false, at });
    }
    for (const pod of present) {
      const group = this.#state.groups[pod.group];
      // Created, but not yet recorded: its start, which comes again, adopts it. Nobody waits for any other one.
      const adopted = group?.phase === 'starting' && group.attempt === pod.attempt;
      // One of an earlier attempt that has told all ends by itself, and is kept for its logs; if it was to be stopped, it was
      // before that was written.
      if (this.#uids.has(pod.uid) || retried.has(pod.name)) continue;
      this.#pods.appeared(pod, adopted);
    }
    for (const action of pendingActions(this.#options.plan, this.#state, at)) this.#act(action);
  }

  /** A pod that nobody waits for was made by a driver that had been replaced when its request arrived. */
  #appeared(pod: PodHandle): void {
    if (!this.#uids.has(pod.uid)) this.#pods.appeared(pod);
  }

  #know(pod: PodHandle): void {
    this.#pods.know(pod);
    this.#uids.add(pod.uid);
  }

  #created(pod: PodHandle): void {
    const { group, attempt, name, uid } = pod;
    this.#pods.created(pod);
    this.#uids.add(uid);
    this.#advance({ kind: 'podCreated', group, attempt, pod: name, uid, at: this.#clock.now() });
    this.#pods.stopIfLate(pod);
    const held = this.#held.get(uid) ?? [];
    this.#held.delete(uid);
    this.#heldCount -= held.length;
    for (const event of held) this.#advance(event);
  }

  #act(action: Action): void {
    switch (action.kind) {
      case 'start':
        this.#pods.start(action);
        return;
      case 'stop':
        this.#pods.stop(action);
        return;
      case 'drain':
        this.#pods.drain(action);
        return;
      case 'wake':
        this.#wake(action.at);
        return;
      case 'finish':
        this.#finished = true;
        this.#pods.abortStarts();
        this.#inbox.push({ kind: 'done' });
        return;
    }
  }

  #wake(at: number): void {
    if (this.#wakes.has(at)) return;
    const cancel = this.#clock.at(at, () => {
      this.#wakes.delete(at);
      this.#inbox.push({ kind: 'event', event: { kind: 'tick', at: this.#clock.now() } });
    });
    this.#wakes.set(at, cancel);
  }

  #notice(code: string, message: string): void {
    this.#options.onEvent?.({ kind: 'notice', notice: { code, message, pod: null, at: this.#clock.now() } });
  }
}

/** Calls back when a signal aborts, at once if it has, until `over` aborts. */
const onAbort = (signal: AbortSignal, over: AbortSignal, call: () => void): void => {
  if (signal.aborted) call();
  else signal.addEventListener('abort', call, { once: true, signal: over });
};
