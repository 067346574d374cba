import type { Secret } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError, WaybillError } from '../../core/index.ts';
import type { RunState } from '../../engine/index.ts';
import {
  isAlreadyExists,
  isConflict,
  type KubeClient,
  type MetadataOnly,
  type Pause,
  type Stored,
  sleep,
} from '../../kube/index.ts';
import { type RunRecord, recordCodec } from '../../record/index.ts';
import { type Clock, clusterClock } from '../clock.ts';
import type { CancelMode, HeldRecord } from '../record.ts';
import type { RunRef } from '../types.ts';
import { deleteRun } from './delete-run.ts';
import { holdRecord, LEASE_MS } from './held-record.ts';
import { KEYS } from './labels.ts';
import { clearParts, contentWriter, readContent, writeParts } from './record-content.ts';
import {
  badRecord,
  cancelAnnotation,
  cancelOf,
  isEmpty,
  type Lease,
  leaseAnnotations,
  leaseOf,
  RECORD_TYPE,
  recordLabels,
  secretName,
  secretsOf,
} from './record-secret.ts';

export interface Loaded {
  readonly record: RunRecord;
  readonly run: RunRef;
  readonly lease: Lease;
  readonly driverAlive: boolean;
  readonly cancel: CancelMode | null;
}

export interface RecordSummary {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly lease: Lease;
  readonly driverAlive: boolean;
  /** When the run ended, in milliseconds; null where it is not over. */
  readonly finished: number | null;
}

export interface TakeOptions {
  /** Names this process as the driver. */
  readonly holder: string;
  /** Takes a run even from a driver that is alive. */
  readonly force?: boolean;
  /** Whether a holder is known to be gone for good, so that nobody needs to wait for its lease. */
  readonly isGone?: (holder: string) => boolean;
  /** With it, a lease that a driver may have left behind is waited for; it is told how long that takes at most. */
  readonly onWait?: (wait: { readonly holder: string; readonly milliseconds: number }) => void;
  readonly signal?: AbortSignal;
}

export interface StoreOptions {
  readonly client: KubeClient;
  readonly clock?: Clock;
  readonly pause?: Pause;
}

/** How often a lease that may run out is looked at. */
const LOOK_MS = 1000;

/** Keeps the records of runs as Secrets. https://kubernetes.io/docs/concepts/configuration/secret/ */
export const createRecordStore = (options: StoreOptions): RecordStore => new RecordStore(options);

export class RecordStore {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #pause: Pause | undefined;

  constructor({ client, clock = clusterClock(client), pause }: StoreOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#pause = pause;
  }

  /** Writes a new run's record and holds it, in one request where it needs no parts. Throws `RunExists`. */
  async create(record: RunRecord, { holder, signal }: { holder: string; signal?: AbortSignal }): Promise<HeldRecord> {
    const { name, namespace, uid } = record;
    const { data, parts } = secretsOf(name, recordCodec.encode(record));
    const annotations = { ...recordCodec.summary(record), ...leaseAnnotations(this.#lease(holder, 1)) };
    const metadata = { name: secretName(name), labels: recordLabels(name, uid), annotations };
    const content = parts.length === 0 ? { data } : {};
    const created = await this.#client
      .create('secrets', { metadata, type: RECORD_TYPE, ...content }, { namespace, signal })
      .catch(async (error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
        const present = await this.#client.get('secrets', secretName(name), { namespace, signal });
        // Ours, if the answer to the first try got lost.
        if (present.metadata.labels?.[KEYS.runUid] === uid && leaseOf(present.metadata).holder === holder)
          return present;
        throw new WaybillError('RunExists', `a run ${name} exists in namespace ${namespace}`, {
          subject: name,
          hint: `take another name, resume it, or delete it with: waybill delete ${name}`,
        });
      });
    if (!isEmpty(created)) return this.#hold(record, created, holder, 1);
    await writeParts(this.#client, parts, { record, owner: created.metadata, signal });
    const version = { uid: created.metadata.uid, resourceVersion: created.metadata.resourceVersion };
    const whole = await this.#client.patch('secrets', secretName(name), { data }, { namespace, signal, ...version });
    return this.#hold(record, whole, holder, 1);
  }

  /** Reads a run's record. Throws `RunNotFound` and `BadRecord`. */
  async load(namespace: string, name: string, signal?: AbortSignal): Promise<Loaded> {
    const found = await this.#get(namespace, name, signal);
    const { record, secret } = await this.#read(namespace, name, found, signal);
    const lease = leaseOf(secret.metadata);
    return {
      record,
      run: this.#runOf(record, secret.metadata, lease.epoch),
      lease,
      driverAlive: this.#isAlive(lease),
      cancel: cancelOf(secret.metadata),
    };
  }

  /** The runs of a namespace, without their content, newest first. */
  async list(namespace: string, signal?: AbortSignal): Promise<readonly RecordSummary[]> {
    const selection = { namespace, fieldSelector: `type=${RECORD_TYPE}`, signal };
    const { items } = await this.#client.listMetadata('secrets', selection);
    return items
      .toSorted((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))
      .map((secret) => this.#summary(namespace, secret));
  }

  /** A run without its content, to look whether something has changed. Throws `RunNotFound`. */
  async look(namespace: string, name: string, signal?: AbortSignal): Promise<RecordSummary> {
    try {
      return this.#summary(
        namespace,
        await this.#client.getMetadata('secrets', secretName(name), { namespace, signal }),
      );
    } catch (error) {
      throw isWaybillError(error, 'NotFound') ? notFound(namespace, name) : error;
    }
  }

  /** Takes a run over, with the next epoch, where nobody drives it. Throws `DriverAlive`, `RunNotFound`. */
  async take(
    namespace: string,
    name: string,
    { holder, force = false, isGone, onWait, signal }: TakeOptions,
  ): Promise<{ readonly held: HeldRecord; readonly record: RunRecord }> {
    for (;;) {
      const secret = await this.#get(namespace, name, signal);
      if (secret.metadata.deletionTimestamp !== undefined) throw notFound(namespace, name, 'is being deleted');
      const lease = leaseOf(secret.metadata);
      if (this.#isAlive(lease) && !force && isGone?.(lease.holder) !== true) {
        onWait?.({ holder: lease.holder, milliseconds: this.#left(lease) });
        if (onWait !== undefined && (await this.#outwait(namespace, name, lease, signal))) continue;
        throw new WaybillError('DriverAlive', `run ${name} is driven by ${lease.holder}`, {
          subject: name,
          hint: `wait until it ends, or cancel it with: waybill cancel ${name}`,
        });
      }
      const { record, secret: read } = await this.#read(namespace, name, secret, signal);
      if (read !== secret) continue;
      const epoch = lease.epoch + 1;
      const { uid, resourceVersion } = secret.metadata;
      const patch = { metadata: { annotations: leaseAnnotations(this.#lease(holder, epoch)) } };
      try {
        const taken = await this.#client.patch('secrets', secretName(name), patch, {
          namespace,
          uid,
          resourceVersion,
          signal,
        });
        await clearParts(this.#client, record, taken, signal);
        return { held: this.#hold(record, taken, holder, epoch), record };
      } catch (error) {
        // Somebody was faster: look again who it was.
        if (!isConflict(error)) throw error;
      }
    }
  }

  /** Writes the wish to cancel a run into its record. The result says whether a driver is there to fulfil it. */
  async wish(
    namespace: string,
    name: string,
    mode: CancelMode,
    signal?: AbortSignal,
  ): Promise<{ driverAlive: boolean }> {
    const patch = { metadata: { annotations: cancelAnnotation(mode) } };
    try {
      const { metadata } = await this.#client.patch('secrets', secretName(name), patch, { namespace, signal });
      return { driverAlive: this.#isAlive(leaseOf(metadata)) };
    } catch (error) {
      throw isWaybillError(error, 'NotFound') ? notFound(namespace, name) : error;
    }
  }

  /** Deletes a run with all that it owns, and waits until that is gone. Throws `RunNotFound`. */
  async delete(namespace: string, name: string, signal?: AbortSignal): Promise<void> {
    const secret = await this.#get(namespace, name, signal);
    if (secret.type !== RECORD_TYPE) throw badRecord(name);
    const uid = secret.metadata.labels?.[KEYS.runUid] ?? '';
    await deleteRun(this.#client, {
      namespace,
      secret: secret.metadata,
      uid,
      signal,
      ...(this.#pause && { pause: this.#pause }),
    });
  }

  #summary(namespace: string, { metadata }: MetadataOnly): RecordSummary {
    const { labels = {}, annotations = {} } = metadata;
    const lease = leaseOf(metadata);
    const finished = Date.parse(annotations['waybill.dev/finished'] ?? '');
    return {
      name: labels[KEYS.run] ?? metadata.name,
      namespace,
      uid: labels[KEYS.runUid] ?? '',
      annotations,
      lease,
      driverAlive: this.#isAlive(lease),
      finished: Number.isNaN(finished) ? null : finished,
    };
  }

  #lease(holder: string, epoch: number): Lease {
    return { holder, epoch, renewed: this.#clock.now() };
  }

  #isAlive(lease: Lease): boolean {
    return lease.holder !== '' && this.#left(lease) > 0;
  }

  /** Milliseconds until a lease has run out. */
  #left({ renewed }: Lease): number {
    return renewed + LEASE_MS - this.#clock.now();
  }

  /** Waits until a lease is free, or (false) its driver has renewed it, and so is alive. */
  async #outwait(namespace: string, name: string, since: Lease, signal: AbortSignal | undefined): Promise<boolean> {
    const pause = this.#pause ?? sleep;
    for (;;) {
      await pause(Math.min(LOOK_MS, Math.max(1, this.#left(since))), signal);
      const found = await this.#client
        .getMetadata('secrets', secretName(name), { namespace, signal })
        .catch((error: unknown) => {
          if (!isWaybillError(error, 'NotFound')) throw error;
        });
      if (!found) return true;
      const lease = leaseOf(found.metadata);
      if (!this.#isAlive(lease)) return true;
      if (lease.epoch !== since.epoch || lease.renewed !== since.renewed) return false;
    }
  }

  #runOf(record: RunRecord, { uid }: Stored<Secret>['metadata'], epoch: number): RunRef {
    const { name, namespace, createdAt } = record;
    const owner = { name: secretName(name), uid };
    return { name, namespace, uid: record.uid, planDigest: record.planDigest, owner, epoch, createdAt };
  }

  #hold(record: RunRecord, secret: Stored<Secret>, holder: string, epoch: number): HeldRecord {
    const encode = contentWriter(this.#client, record, secret);
    const run = this.#runOf(record, secret.metadata, epoch);
    const { state } = record;
    const pause = this.#pause && { pause: this.#pause };
    const read = async (): Promise<RunState | null> => {
      try {
        const loaded = await this.load(record.namespace, record.name);
        return loaded.run.owner.uid === run.owner.uid ? loaded.record.state : null;
      } catch (error) {
        if (isWaybillError(error, 'RunNotFound')) return null;
        throw error;
      }
    };
    return holdRecord({ client: this.#client, clock: this.#clock, run, holder, secret, state, encode, read, ...pause });
  }

  async #read(
    namespace: string,
    name: string,
    secret: Stored<Secret>,
    signal: AbortSignal | undefined,
  ): ReturnType<typeof readContent> {
    try {
      return await readContent(this.#client, namespace, name, secret, signal);
    } catch (error) {
      throw isWaybillError(error, 'NotFound') ? notFound(namespace, name) : error;
    }
  }

  async #get(namespace: string, name: string, signal: AbortSignal | undefined): Promise<Stored<Secret>> {
    try {
      return await this.#client.get('secrets', secretName(name), { namespace, signal });
    } catch (error) {
      throw isWaybillError(error, 'NotFound') ? notFound(namespace, name) : error;
    }
  }
}

const notFound = (namespace: string, name: string, why?: string): WaybillError =>
  new WaybillError(
    'RunNotFound',
    why === undefined ? `no run ${name} in namespace ${namespace}` : `run ${name} in namespace ${namespace} ${why}`,
    { subject: name, hint: 'list them with: waybill runs' },
  );
