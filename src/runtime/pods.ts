import { backoff, isWaybillError } from '../core/index.ts';
import type { Action, EngineEvent, RunState } from '../engine/index.ts';
import type { Pause } from '../kube/index.ts';
import type { Plan } from '../plan/index.ts';
import { failureOf } from './failure.ts';
import type { HeldRecord } from './record.ts';
import type { PodHandle, PodRequest, Runtime } from './types.ts';

export interface PodsOptions {
  readonly plan: Plan;
  readonly record: HeldRecord;
  readonly runtime: Runtime;
  /** The pod of a group's attempt, with the results known in that state. */
  readonly compile: (state: RunState, group: number, attempt: number) => PodRequest;
  readonly now: () => number;
  readonly pause: Pause;
  /** The state of the run when it is asked for. */
  readonly state: () => RunState;
  /** Aborts when the driver ends. */
  readonly over: AbortSignal;
  readonly tell: (message: PodMessage) => void;
  /** Hears of what ends the driver. */
  readonly fail: (error: unknown) => void;
  readonly notice: (code: string, message: string) => void;
}

/** What comes of starting and stopping pods. */
export type PodMessage =
  | { readonly kind: 'created'; readonly pod: PodHandle }
  | { readonly kind: 'event'; readonly event: EngineEvent }
  /** Some work in the background is done. */
  | { readonly kind: 'done' };

/** An attempt of a group: one pod. */
export interface Attempt {
  readonly group: number;
  readonly attempt: number;
}

/** Room in a quota is taken at most so long after it is there. */
const BACKOFF = { base: 500, cap: 8000 };
/** How often it looks for what came of those that were not answered: a request may be on its way to the end for a moment. */
const LOOKS = 3;
const LOOK_MS = 1000;
/** So long a driver that was replaced waits for the answers to what it had asked for. */
const ANSWERS_MS = 10_000;

/** The pods of one run, as its driver starts and stops them, in the background. Doing a thing twice is harmless. */
export class RunPods {
  readonly #options: PodsOptions;
  /** Pods being started; aborting one ends its wait before the creation. */
  readonly #starts = new Map<string, { readonly waiting: AbortController; readonly done: Promise<unknown> }>();
  /** Pods that others made, of attempts that are being started. */
  readonly #seen = new Map<string, PodHandle>();
  /** Attempts whose pod was asked for, without an answer within the lease. */
  readonly #asked = new Set<string>();
  readonly #stops = new Set<Promise<void>>();
  /** Attempts that were to be stopped, and those of them whose pod was known by then. */
  readonly #stopped = new Set<string>();
  readonly #stopping = new Set<string>();
  readonly #pods = new Map<string, PodHandle>();

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** Whether nothing is being started or stopped. */
  get idle(): boolean {
    return this.#starts.size === 0 && this.#stops.size === 0;
  }

  /** Whether a pod is being stopped: what follows from that is not to be written yet. */
  get stopping(): boolean {
    return this.#stops.size > 0;
  }

  /** Takes a pod for that of its attempt. */
  know(pod: PodHandle): void {
    this.#pods.set(keyOf(pod), pod);
  }

  /**
   * A pod that is there, and that we have not made. One of an attempt that is being started, or is about to be (`expected`),
   * will be found by that start, which adopts it; if the start comes to nothing, or there is none, the pod is removed.
   */
  appeared(pod: PodHandle, expected = false): void {
    const key = keyOf(pod);
    const start = this.#starts.get(key);
    const awaited = start !== undefined && (!start.waiting.signal.aborted || this.#asked.has(key));
    if (expected || awaited) this.#seen.set(key, pod);
    else this.remove(pod);
  }

  /** A start has come to its end with this pod. */
  created(pod: PodHandle): void {
    this.#starts.delete(keyOf(pod));
    this.#seen.delete(keyOf(pod));
    this.know(pod);
  }

  /** Stops a pod whose attempt was to be stopped while it was being created. */
  stopIfLate(pod: PodHandle): void {
    if (this.#stopped.has(keyOf(pod))) this.stop(pod);
  }

  start(action: Extract<Action, { kind: 'start' }>): void {
    const key = keyOf(action);
    if (this.#starts.has(key) || this.#pods.has(key)) return;
    const waiting = new AbortController();
    const done = this.#startUntilDone(action, waiting.signal).then((message) => {
      if (message.kind !== 'created') {
        this.#starts.delete(key);
        const seen = this.#seen.get(key);
        if (seen !== undefined) this.remove(seen);
      }
      this.#options.tell(message);
    }, this.#options.fail);
    this.#starts.set(key, { waiting, done });
  }

  /** Ends all waits for a start. */
  abortStarts(): void {
    for (const { waiting } of this.#starts.values()) waiting.abort();
  }

  stop(what: Attempt): void {
    const key = keyOf(what);
    this.#stopped.add(key);
    this.#starts.get(key)?.waiting.abort();
    const pod = this.#pods.get(key);
    if (pod === undefined || this.#stopping.has(key)) return;
    this.#stopping.add(key);
    this.remove(pod);
  }

  /** Stops a pod, whatever is known of its attempt. */
  remove(pod: PodHandle): void {
    const { record, runtime, over, state, tell } = this.#options;
    const stop = this.#untilDone((signal) => runtime.stop(record.run, pod, signal)).finally(() => {
      this.#stops.delete(stop);
      if (this.#stops.size === 0 && !over.aborted) record.save(state());
      tell({ kind: 'done' });
    });
    this.#stops.add(stop);
  }

  drain(what: Attempt): void {
    const pod = this.#pods.get(keyOf(what));
    const { record, runtime } = this.#options;
    if (pod !== undefined) void this.#untilDone((signal) => runtime.drain(record.run, pod, signal));
  }

  /** Waits until nothing that was asked for is without an answer; nothing new is asked for once the driver is over. */
  async answered(): Promise<void> {
    this.abortStarts();
    await Promise.all([...this.#starts.values()].map(({ done }) => done));
  }

  /**
   * For a driver that was replaced. A pod that it asked for and that was made when it was no more the driver is found by the
   * one that is, whose watch shows it; where the run is over by now nobody looks any more, and it is stopped here.
   */
  async disown(): Promise<void> {
    const { record, pause } = this.#options;
    const late = new AbortController();
    await Promise.race([this.answered(), pause(ANSWERS_MS, late.signal).catch(() => undefined)]);
    late.abort();
    for (let looks = 0; looks < LOOKS && this.#asked.size > 0; looks += 1) {
      if (looks > 0) await pause(LOOK_MS);
      const state = await record.latest();
      if (state !== null && state.phase !== 'done') return;
      await this.#takeBack(countedIn(state));
    }
  }

  async #takeBack(isCounted: (pod: PodHandle) => boolean): Promise<void> {
    const { record, runtime } = this.#options;
    for (const pod of await runtime.list(record.run)) {
      if (!this.#asked.has(keyOf(pod)) || isCounted(pod)) continue;
      await runtime.stop(record.run, pod);
      this.#asked.delete(keyOf(pod));
    }
  }

  async #startUntilDone(
    { group, attempt, delay }: Extract<Action, { kind: 'start' }>,
    waiting: AbortSignal,
  ): Promise<PodMessage> {
    const { plan, record, runtime, compile, over, now, pause, state, notice } = this.#options;
    const signal = AbortSignal.any([waiting, over]);
    const wait = (milliseconds: number): Promise<unknown> => pause(milliseconds, signal).catch(() => undefined);
    // At once is after all that is known by now: a run that was cancelled before it began creates nothing.
    await (delay > 0 ? wait(delay) : new Promise((done) => setImmediate(done)));
    // A pod must not outlive what it was made from, the results that it holds, or what is left to do after a first attempt:
    // another driver would make another one.
    if (attempt > 1 || plan.groups[group]?.needs.length !== 0) await this.#settle();
    const key = keyOf({ group, attempt });
    let said = '';
    for (let tries = 1; !signal.aborted; tries += 1) {
      let sure: AbortSignal | undefined;
      try {
        sure = await record.check();
        if (signal.aborted) break;
        const request = compile(state(), group, attempt);
        this.#asked.add(key);
        // Not ended with the driver: what becomes of a creation on its way must be known.
        const pod = await runtime.start(record.run, request, sure);
        await record.check();
        this.#asked.delete(key);
        return { kind: 'created', pod };
      } catch (error) {
        if (tookTooLong(error, sure)) continue;
        const failure = over.aborted ? undefined : failureOf(error);
        if (failure === undefined) throw error;
        const { message } = failure;
        if (failure.kind === 'final' || tries >= (failure.tries ?? Number.POSITIVE_INFINITY)) {
          const reason = 'PodCreationFailed';
          const event = { kind: 'podLost', group, attempt, reason, message, infrastructure: false, at: now() } as const;
          return { kind: 'event', event };
        }
        if (message !== said) notice(failure.code, message);
        said = message;
        await wait(backoff(tries, Math.random(), BACKOFF));
      }
    }
    // Not wanted any more; but a try without an answer may have come through.
    return this.#asked.has(key) && !over.aborted ? this.#lookFor(key) : { kind: 'done' };
  }

  async #lookFor(key: string): Promise<PodMessage> {
    const { record, runtime } = this.#options;
    const found: PodHandle[] = [];
    await this.#untilDone(async (signal) => {
      found.push(...(await runtime.list(record.run, signal)).filter((pod) => keyOf(pod) === key));
    });
    const [pod] = found;
    return pod === undefined ? { kind: 'done' } : { kind: 'created', pod };
  }

  /** Waits until pods that were to be stopped are, and everything so far is written. */
  async #settle(): Promise<void> {
    const { record, state } = this.#options;
    await Promise.all(this.#stops);
    record.save(state());
    await record.flush();
  }

  /** Does something that is wanted but not needed to go on: what can't be done is said. */
  async #untilDone(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { record, over, pause, fail, notice } = this.#options;
    let said = '';
    for (let tries = 1; !over.aborted; tries += 1) {
      let sure: AbortSignal | undefined;
      try {
        sure = await record.check();
        await work(AbortSignal.any([over, sure]));
        return;
      } catch (error) {
        if (over.aborted) return;
        if (tookTooLong(error, sure)) continue;
        const failure = failureOf(error);
        if (failure === undefined) {
          fail(error);
          return;
        }
        const again = failure.kind === 'again' && tries < (failure.tries ?? Number.POSITIVE_INFINITY);
        if (failure.message !== said || !again) notice(again ? failure.code : 'Refused', failure.message);
        said = failure.message;
        if (!again) return;
        await pause(backoff(tries, Math.random(), BACKOFF), over).catch(() => undefined);
      }
    }
  }
}

/** The lease might have run out before there was an answer: it is renewed, and all is tried again. */
const tookTooLong = (error: unknown, sure: AbortSignal | undefined): boolean =>
  sure?.aborted === true && !isWaybillError(error);

const keyOf = ({ group, attempt }: Attempt): string => `${group}/${attempt}`;

/** Which pods a state knows: the last one of each group, and those of attempts that were retried, of which only the name is kept. */
const countedIn = (state: RunState | null): ((pod: PodHandle) => boolean) => {
  const uids = new Set(state?.groups.map(({ pod }) => pod?.uid));
  const names = new Set(state?.nodes.flatMap(({ retries }) => retries.map(({ pod }) => pod)));
  return ({ uid, name }) => uids.has(uid) || names.has(name);
};
