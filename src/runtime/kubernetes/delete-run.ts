import { isWaybillError, WaybillError } from '../../core/index.ts';
import type { KubeClient, Pause, Plural, Stored } from '../../kube/index.ts';
import { sleep } from '../../kube/index.ts';
import { runSelector } from './labels.ts';

export interface DeleteOptions {
  readonly namespace: string;
  /** Metadata of the record's Secret. */
  readonly secret: Stored<object>['metadata'];
  /** Of the run. */
  readonly uid: string;
  readonly signal?: AbortSignal | undefined;
  readonly pause?: Pause;
}

/** How long the garbage collector may take before its work is done here. */
const PATIENCE_MS = 3000;
/** How long nothing may happen before what is left is not waited for: a node may be away, or a finalizer never be fulfilled. */
const STILL_MS = 120_000;
const LOOK_MS = 250;
const LOOK_CAP_MS = 2000;

/** What a run owns, in the order in which it can go: a claim stays as long as a pod uses it. */
export const OWNED: readonly Plural[] = ['pods', 'persistentvolumeclaims', 'secrets'];

interface Left {
  readonly plural: Plural;
  readonly name: string;
  readonly uid: string;
  readonly going: boolean;
  readonly finalizers: readonly string[];
}

/**
 * Deletes a record, and by its ownership all objects of the run, and returns when they are gone. Where the garbage collector
 * is slow or missing, they are deleted one by one. The record is marked first, so that no driver goes on, and whoever is
 * interrupted here can do it again. Throws `KubeError` where something stays, as with a node that is away.
 */
export const deleteRun = async (client: KubeClient, options: DeleteOptions): Promise<void> => {
  const { namespace, secret, signal, pause = sleep } = options;
  const scope = { namespace, signal };
  await client.delete('secrets', secret.name, { ...scope, uid: secret.uid, propagation: 'Foreground' });
  let waited = 0;
  let since = 0;
  let before = '';
  for (let delay = LOOK_MS; ; delay = Math.min(delay * 1.5, LOOK_CAP_MS)) {
    const left = await leftOf(client, options);
    if (left.length === 0) return;
    const now = left.map(({ plural, name, going }) => `${plural}/${name}${going}`).join();
    if (now !== before) since = waited;
    before = now;
    if (waited - since >= STILL_MS) throw stays(secret.name, left);
    if (waited >= PATIENCE_MS) {
      for (const { plural, name, uid } of left.filter((object) => !object.going)) {
        await client.delete(plural, name, { ...scope, uid }).catch(unlessRefused);
      }
      // Waiting for its dependents is the collector's way; without one the record would stay for ever.
      const others = left.filter(({ name }) => name !== secret.name);
      if (others.length === 0) {
        await client.delete('secrets', secret.name, { ...scope, uid: secret.uid, propagation: 'Background' });
      }
    }
    await pause(delay, signal);
    waited += delay;
  }
};

const leftOf = async (client: KubeClient, { namespace, uid, signal }: DeleteOptions): Promise<readonly Left[]> => {
  const lists = await Promise.all(
    OWNED.map(async (plural) => {
      const found = await client
        .listMetadata(plural, { namespace, labelSelector: runSelector({ uid }), signal })
        .catch(unlessRefused);
      return (found?.items ?? []).map(({ metadata }) => ({
        plural,
        name: metadata.name,
        uid: metadata.uid,
        going: metadata.deletionTimestamp !== undefined,
        finalizers: metadata.finalizers ?? [],
      }));
    }),
  );
  return lists.flat();
};

const stays = (record: string, left: readonly Left[]): WaybillError => {
  const each = left.map(({ plural, name, finalizers }) =>
    finalizers.length === 0 ? `${plural}/${name}` : `${plural}/${name} (finalizers ${finalizers.join(', ')})`,
  );
  return new WaybillError('KubeError', `deleted, but still there after two minutes: ${each.join(', ')}`, {
    subject: record,
    hint: 'see what keeps it with: kubectl describe; it goes by itself when that is over',
  });
};

/** What we may not see or delete is left to the garbage collector. */
const unlessRefused = (error: unknown): undefined => {
  if (!isWaybillError(error, 'Forbidden')) throw error;
};
