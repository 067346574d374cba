import type { KubeClient, Plural } from '../../kube/index.ts';
import { MANAGER } from '../../pod/index.ts';
import { OWNED } from './delete-run.ts';
import { KEYS } from './labels.ts';
import { RECORD_TYPE } from './record-secret.ts';

/** An object of a run whose record is gone. */
interface Orphan {
  readonly kind: Plural;
  readonly name: string;
  readonly uid: string;
  /** Name of the run, as the object's label has it. */
  readonly run: string;
}

/**
 * Pods, claims and Secrets of runs that have no record any more: the garbage collector takes them, where there is one that
 * works. What an object belongs to is said by its labels, which only Waybill sets together.
 */
export const findOrphans = async (
  client: KubeClient,
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<readonly Orphan[]> => {
  const labelSelector = `${KEYS.managedBy}=${MANAGER},${KEYS.run},${KEYS.runUid}`;
  const found: (Orphan & { readonly of: string })[] = [];
  for (const kind of OWNED) {
    const { items } = await client.listMetadata(kind, { namespace, labelSelector, signal });
    for (const { metadata } of items) {
      const { name, uid, labels = {} } = metadata;
      found.push({ kind, name, uid, run: labels[KEYS.run] ?? '', of: labels[KEYS.runUid] ?? '' });
    }
  }
  // Looked for last: a record is there before all that its run makes, so a run that begins meanwhile is seen here.
  const records = await client.listMetadata('secrets', { namespace, fieldSelector: `type=${RECORD_TYPE}`, signal });
  const known = new Set(records.items.map(({ metadata }) => metadata.labels?.[KEYS.runUid] ?? ''));
  return found.filter(({ of }) => !known.has(of)).map(({ of: _, ...orphan }) => orphan);
};

/** Deletes orphans, and nothing else that may have their names by now. */
export const deleteOrphans = async (
  client: KubeClient,
  namespace: string,
  orphans: readonly Orphan[],
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (const { kind, name, uid } of orphans) await client.delete(kind, name, { namespace, uid, signal });
};
