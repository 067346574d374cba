import type { Secret } from 'kubernetes-types/core/v1.d.ts';
import { isWaybillError } from '../../core/index.ts';
import type { RunState } from '../../engine/index.ts';
import { isAlreadyExists, type KubeClient, type Stored } from '../../kube/index.ts';
import { type RunRecord, recordCodec } from '../../record/index.ts';
import type { Encoded } from './held-record.ts';
import { ownedBy, runSelector } from './labels.ts';
import { badRecord, PART_TYPE, type Parts, readPart, readSecret, recordLabels, secretsOf } from './record-secret.ts';

/** The Secret of a record, as its parts need to know it. */
export type Owner = Stored<Secret>['metadata'];

/** A record may move on so often while it is read. */
const READS = 5;

/**
 * The record in a Secret and the parts that it names, and the Secret in the version that was read: where the parts have been
 * replaced meanwhile, that is a later one. Throws `BadRecord`, and `NotFound` where the record is deleted meanwhile.
 */
export const readContent = async (
  client: KubeClient,
  namespace: string,
  name: string,
  secret: Stored<Secret>,
  signal: AbortSignal | undefined,
): Promise<{ readonly record: RunRecord; readonly secret: Stored<Secret> }> => {
  let current = secret;
  for (let reads = 1; ; reads += 1) {
    const { first, parts } = readSecret(name, current);
    const more = await readParts(client, namespace, name, parts, signal);
    if (more !== undefined) return { record: recordCodec.decode([first, ...more]), secret: current };
    const { resourceVersion } = current.metadata;
    current = await client.get('secrets', current.metadata.name, { namespace, signal });
    if (reads === READS || current.metadata.resourceVersion === resourceVersion) throw badRecord(name);
  }
};

/** The bytes of all parts; undefined where one of them is not there any more. */
const readParts = async (
  client: KubeClient,
  namespace: string,
  run: string,
  parts: Parts,
  signal: AbortSignal | undefined,
): Promise<readonly Uint8Array[] | undefined> => {
  const read: Uint8Array[] = [];
  for (const { name, digest } of parts) {
    const found = await client.get('secrets', name, { namespace, signal }).catch((error: unknown) => {
      if (!isWaybillError(error, 'NotFound')) throw error;
    });
    if (!found) return undefined;
    read.push(readPart(run, found, digest));
  }
  return read;
};

/** Creates the parts of a record that are not there yet. */
export const writeParts = async (
  client: KubeClient,
  parts: readonly Secret[],
  { record, owner, signal }: { record: RunRecord; owner: Owner; signal?: AbortSignal | undefined },
): Promise<void> => {
  const ownerReferences = [ownedBy(owner)];
  for (const part of parts) {
    const metadata = { ...part.metadata, labels: recordLabels(record.name, record.uid), ownerReferences };
    await client
      .create('secrets', { ...part, metadata }, { namespace: record.namespace, signal })
      // Named by its content, which is checked when it is read.
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
  }
};

/**
 * Removes the parts of a run that its record does not name: those of a driver that ended between writing them and writing the
 * record. Only for who has just taken the lease and has not written yet. What may not be removed stays as long as the run.
 */
export const clearParts = async (
  client: KubeClient,
  record: Pick<RunRecord, 'namespace' | 'uid'>,
  secret: Stored<Secret>,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const { namespace, uid } = record;
  const named = new Set(namesIn(record as RunRecord, secret));
  try {
    const selection = { labelSelector: runSelector({ uid }), fieldSelector: `type=${PART_TYPE}` };
    const { items } = await client.listMetadata('secrets', { namespace, ...selection, signal });
    for (const { metadata } of items) {
      if (named.has(metadata.name)) continue;
      await client.delete('secrets', metadata.name, { namespace, uid: metadata.uid, signal });
    }
  } catch (error) {
    if (!isWaybillError(error)) throw error;
  }
};

const namesIn = ({ name }: Pick<RunRecord, 'name'>, secret: Stored<Secret>): readonly string[] =>
  readSecret(name, secret).parts.map((part) => part.name);

/** Makes of each new state of a run what is to be written; `secret` is what has been written so far. */
export const contentWriter = (
  client: KubeClient,
  record: RunRecord,
  secret: Stored<Secret>,
): ((state: RunState) => Promise<Encoded>) => {
  const { namespace } = record;
  let written = namesIn(record, secret);
  /** Parts that have become superfluous and are still there. */
  const stale = new Set<string>();
  const clear = async (): Promise<void> => {
    for (const name of stale) {
      try {
        await client.delete('secrets', name, { namespace });
        stale.delete(name);
      } catch (error) {
        // The record is written, and that is what counts: they are tried again with the next, and go with the run at last.
        if (!isWaybillError(error)) throw error;
        if (error.code === 'Forbidden') stale.clear();
        return;
      }
    }
  };
  return async (state) => {
    const next = { ...record, state };
    const { data, parts } = secretsOf(record.name, recordCodec.encode(next));
    const names = parts.map(({ metadata }) => metadata?.name ?? '');
    for (const name of names) stale.delete(name);
    const fresh = parts.filter((_, index) => !written.includes(names[index] ?? ''));
    await writeParts(client, fresh, { record, owner: secret.metadata });
    return {
      patch: { data, metadata: { annotations: recordCodec.summary(next) } },
      written: async () => {
        for (const name of written) if (!names.includes(name)) stale.add(name);
        written = names;
        await clear();
      },
    };
  };
};
