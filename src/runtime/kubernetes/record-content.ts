import type { Secret } from 'kubernetes-types/core/v1.d.ts';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';
import type { RunState } from '../../engine/index.ts';
import { isAlreadyExists, type KubeClient, type Stored } from '../../kube/index.ts';
import { type RunRecord, recordCodec } from '../../record/index.ts';
import type { Encoded } from './held-record.ts';
import { readPart, readSecret, recordLabels, secretsOf } from './record-secret.ts';

/** The Secret of a record, as its parts need to know it. */
export type Owner = Stored<Secret>['metadata'];

/** The record in a Secret and the parts that it names. Throws `BadRecord`. */
export const readContent = async (
  client: KubeClient,
  namespace: string,
  name: string,
  secret: Stored<Secret>,
  signal: AbortSignal | undefined,
): Promise<RunRecord> => {
  const { first, parts } = readSecret(name, secret);
  const more: Uint8Array[] = [];
  for (const part of parts) {
    const found = await client.get('secrets', part.name, { namespace, signal });
    more.push(readPart(name, found, part.digest));
  }
  return recordCodec.decode([first, ...more]);
};

/** Creates the parts of a record that are not there yet. */
export const writeParts = async (
  client: KubeClient,
  parts: readonly Secret[],
  { record, owner, signal }: { record: RunRecord; owner: Owner; signal?: AbortSignal | undefined },
): Promise<void> => {
  const ownerReferences: ObjectMeta['ownerReferences'] = [
    { apiVersion: 'v1', kind: 'Secret', name: owner.name, uid: owner.uid, controller: true, blockOwnerDeletion: true },
  ];
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

/** Makes of each new state of a run what is to be written; `secret` is what has been written so far. */
export const contentWriter = (
  client: KubeClient,
  record: RunRecord,
  secret: Stored<Secret>,
): ((state: RunState) => Promise<Encoded>) => {
  let written: readonly string[] = readSecret(record.name, secret).parts.map(({ name }) => name);
  return async (state) => {
    const next = { ...record, state };
    const { data, parts } = secretsOf(record.name, recordCodec.encode(next));
    const names = parts.map(({ metadata }) => metadata?.name ?? '');
    const fresh = parts.filter((_, index) => !written.includes(names[index] ?? ''));
    await writeParts(client, fresh, { record, owner: secret.metadata });
    return {
      patch: { data, metadata: { annotations: recordCodec.summary(next) } },
      written: async () => {
        const old = written.filter((name) => !names.includes(name));
        written = names;
        for (const name of old) await client.delete('secrets', name, { namespace: record.namespace });
      },
    };
  };
};
