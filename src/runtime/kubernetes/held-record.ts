import type { Secret } from 'kubernetes-types/core/v1.d.ts';
import { backoff, isWaybillError, WaybillError } from '../../core/index.ts';
import type { RunState } from '../../engine/index.ts';
import {
  isConflict,
  type KubeClient,
  type MergePatch,
  type Pause,
  type Stored,
  sleep,
  watch,
} from '../../kube/index.ts';
import type { Clock } from '../clock.ts';
import type { CancelMode, HeldRecord } from '../record.ts';
import type { RunRef } from '../types.ts';
import { cancelAnnotation, cancelOf, type Lease, leaseAnnotations, leaseOf, secretName } from './record-secret.ts';

/** A driver that has not renewed its lease for so long counts as dead. */
export const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
/** A driver stops acting before others may take its lease for free: the clocks of two may differ by some seconds. */
const SURE_MS = 25_000;
/** Whoever is to act has at least so long for it. */
const ROOM_MS = 10_000;
/** States that come within this time are written as one: whoever takes over reads what is missing from the pods' logs. */
const SOON_MS = 2000;
/** A run that is over sooner never needs to listen for wishes. */
const LISTEN_MS = 1000;
const BACKOFF = { base: 250, cap: 5000 };

export interface HoldOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly run: RunRef;
  readonly holder: string;
  /** The Secret, as written with our epoch. */
  readonly secret: Stored<Secret>;
  readonly state: RunState;
  /** Writes what does not fit into the Secret, and gives what goes into it. */
  readonly encode: (state: RunState) => Promise<Encoded>;
  /** Reads the state as it is now, whoever wrote it; null where the record is gone. */
  readonly read: () => Promise<RunState | null>;
  readonly pause?: Pause;
}

export interface Encoded {
  readonly patch: MergePatch;
  /** To be called when the patch has been written: clears away what it made superfluous. */
  readonly written: () => Promise<void>;
}

/**
 * Holds a record whose lease has just been taken. Every write names the version it changes, so that a driver that was
 * replaced cannot write; at most one is in flight, and each renews the lease.
 */
export const holdRecord = (options: HoldOptions): HeldRecord => new Holder(options);

class Holder implements HeldRecord {
  readonly run: RunRef;
  readonly #options: HoldOptions;
  readonly #lost = new AbortController();
  readonly #closed = new AbortController();
  readonly #timers = new Map<string, () => void>();
  readonly #onCancel: ((mode: CancelMode) => void)[] = [];
  #state: RunState;
  #dirty = false;
  #holder: string;
  #version: string;
  /** Milliseconds since the last renewal was asked for. */
  #sinceRenewed: () => number;
  #cancel: CancelMode | null;
  #writing: Promise<void> | undefined;

  constructor(options: HoldOptions) {
    this.#options = options;
    this.run = options.run;
    this.#state = options.state;
    this.#holder = options.holder;
    this.#version = options.secret.metadata.resourceVersion;
    this.#cancel = cancelOf(options.secret.metadata);
    this.#sinceRenewed = options.clock.stopwatch();
    this.#later('renew', RENEW_MS, () => this.#renew());
    this.#later('listen', LISTEN_MS, () => void this.#listen());
  }

  get state(): RunState {
    return this.#state;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  save(state: RunState): void {
    this.#state = state;
    this.#dirty = true;
    if (!this.#timers.has('write')) this.#later('write', SOON_MS, () => void this.#write().catch(() => undefined));
  }

  async flush(): Promise<void> {
    // A write in flight may be of an older state: its loop goes on with the newer one.
    while (this.#dirty || this.#writing !== undefined) await this.#write();
    this.#lost.signal.throwIfAborted();
  }

  async check(): Promise<AbortSignal> {
    this.#lost.signal.throwIfAborted();
    if (this.#holder === '') throw this.#lostFor('its driver has let go of it');
    while (this.#sinceRenewed() > SURE_MS - ROOM_MS) {
      await this.#write(true);
      this.#lost.signal.throwIfAborted();
    }
    return AbortSignal.timeout(Math.max(0, Math.floor(SURE_MS - this.#sinceRenewed())));
  }

  cancel(mode: CancelMode): void {
    if (this.#cancel === mode) return;
    this.#cancel = mode;
    void this.#write(true).catch(() => undefined);
  }

  async latest(): Promise<RunState | null> {
    return this.#options.read();
  }

  onCancel(call: (mode: CancelMode) => void): void {
    this.#onCancel.push(call);
    if (this.#cancel !== null) call(this.#cancel);
  }

  async release(): Promise<void> {
    this.#holder = '';
    try {
      if (!this.#lost.signal.aborted) await this.#write(true);
    } finally {
      this.#close();
    }
  }

  abandon(): void {
    this.#close();
  }

  #close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#closed.abort();
  }

  #lose(why: string, hint?: null): void {
    if (this.#lost.signal.aborted) return;
    this.#lost.abort(this.#lostFor(why, hint));
    this.#close();
  }

  /** Nothing is left that a hint could show. */
  #loseDeleted(): void {
    this.#lose('its record was deleted', null);
  }

  #lostFor(why: string, hint: string | null = `see it with: waybill runs ${this.run.name}`): WaybillError {
    const { name } = this.run;
    return new WaybillError('DriverLost', `run ${name}: ${why}`, { subject: name, ...(hint !== null && { hint }) });
  }

  #later(name: string, delay: number, call: () => void): void {
    const { clock } = this.#options;
    const cancel = clock.at(clock.now() + delay, () => {
      this.#timers.delete(name);
      call();
    });
    this.#timers.set(name, cancel);
  }

  #renew(): void {
    const left = RENEW_MS - this.#sinceRenewed();
    if (left <= 0) void this.#write(true).catch(() => undefined);
    this.#later('renew', left <= 0 ? RENEW_MS : left, () => this.#renew());
  }

  /** Writes what is new, or just the lease if `force`; waits for a write in flight instead, if there is one. */
  #write(force = false): Promise<void> {
    if (this.#writing !== undefined) {
      return force ? this.#writing.then(() => this.#write(this.#holder === '' || this.#dirty)) : this.#writing;
    }
    if (!force && !this.#dirty) return Promise.resolve();
    this.#timers.get('write')?.();
    this.#timers.delete('write');
    this.#writing = this.#writeUntilDone().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeUntilDone(): Promise<void> {
    const { pause = sleep } = this.#options;
    for (let attempt = 1; ; ) {
      this.#lost.signal.throwIfAborted();
      try {
        await this.#writeOnce();
        if (!this.#dirty) return;
        attempt = 1;
      } catch (error) {
        if (isConflict(error)) await this.#look().catch(() => undefined);
        else if (isWaybillError(error, 'NotFound')) this.#loseDeleted();
        else if (!isWaybillError(error, 'Unreachable') && !isWaybillError(error, 'KubeError')) throw error;
        else if (isWaybillError(error, 'KubeError') && attempt > 5) throw error;
        this.#lost.signal.throwIfAborted();
        await pause(backoff(attempt, Math.random(), BACKOFF), this.#lost.signal);
        attempt += 1;
      }
    }
  }

  async #writeOnce(): Promise<void> {
    const { client, clock, run, encode } = this.#options;
    const writesState = this.#dirty;
    this.#dirty = false;
    try {
      const encoded = writesState ? await encode(this.#state) : undefined;
      const content = encoded?.patch ?? {};
      const since = clock.stopwatch();
      const lease: Lease = { holder: this.#holder, epoch: run.epoch, renewed: clock.now() };
      const metadata = content.metadata as { annotations?: object } | undefined;
      const wish = this.#cancel === null ? {} : cancelAnnotation(this.#cancel);
      const annotations = { ...metadata?.annotations, ...wish, ...leaseAnnotations(lease) };
      const patch = { ...content, metadata: { ...metadata, annotations } };
      const scope = { namespace: run.namespace, uid: run.owner.uid, resourceVersion: this.#version };
      const { metadata: written } = await client.patch('secrets', secretName(run.name), patch, scope);
      this.#version = written.resourceVersion;
      this.#sinceRenewed = since;
      await encoded?.written();
    } catch (error) {
      this.#dirty ||= writesState;
      throw error;
    }
  }

  /** Somebody else has written: a wish to cancel, or a new driver. */
  async #look(): Promise<void> {
    const { client, run } = this.#options;
    try {
      const { metadata } = await client.getMetadata('secrets', secretName(run.name), { namespace: run.namespace });
      this.#see(metadata, true);
    } catch (error) {
      if (!isWaybillError(error, 'NotFound')) throw error;
      this.#loseDeleted();
    }
  }

  #see(metadata: Stored<Secret>['metadata'], current: boolean): void {
    const { run } = this.#options;
    const { epoch } = leaseOf(metadata);
    if (metadata.uid !== run.owner.uid || metadata.deletionTimestamp !== undefined) {
      this.#loseDeleted();
    } else if (epoch !== run.epoch && (current || epoch > run.epoch)) this.#lose('another driver took it over');
    if (this.#lost.signal.aborted) return;
    if (current) this.#version = metadata.resourceVersion;
    const cancel = cancelOf(metadata);
    if (cancel === null || cancel === this.#cancel) return;
    this.#cancel = cancel;
    for (const call of this.#onCancel) call(cancel);
  }

  /** Hears at once of wishes and of new drivers; where Secrets may not be watched, the next renewal tells. */
  async #listen(): Promise<void> {
    const { client, run } = this.#options;
    try {
      const changes = watch(client, 'secrets', {
        namespace: run.namespace,
        fieldSelector: `metadata.name=${secretName(run.name)}`,
        from: this.#version,
        metadataOnly: true,
        signal: this.#closed.signal,
      });
      for await (const change of changes) {
        if (change.type === 'deleted') this.#loseDeleted();
        else if (change.type !== 'synced') this.#see(change.object.metadata, false);
      }
    } catch (error) {
      if (!isWaybillError(error)) throw error;
    }
  }
}
