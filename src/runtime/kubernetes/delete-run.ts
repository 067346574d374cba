import { isWaybillError } from '../../core/index.ts';
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
const LOOK_MS = 250;
const LOOK_CAP_MS = 2000;

/** What a run owns, in the order in which it can go: a claim stays as long as a pod uses it. */
const OWNED: readonly Plural[] = ['pods', 'persistentvolumeclaims', 'secrets'];

/**
 * Deletes a record, and by its ownership all objects of the run, and returns when they are gone. Where the garbage collector
 * is slow or missing, they are deleted one by one.
 */
export const deleteRun = async (client: KubeClient, options: DeleteOptions): Promise<void> => {
  const { namespace, secret, uid, signal, pause = sleep } = options;
  const scope = { namespace, signal };
  await client.delete('secrets', secret.name, { ...scope, uid: secret.uid, propagation: 'Foreground' });
  let waited = 0;
  for (let delay = LOOK_MS; ; delay = Math.min(delay * 1.5, LOOK_CAP_MS)) {
    const left = await leftOf(client, options);
    if (left.length === 0) return;
    if (waited >= PATIENCE_MS) {
      for (const { plural, name, uid: one } of left.filter((object) => !object.going)) {
        await client.delete(plural, name, { ...scope, uid: one }).catch(unlessRefused);
      }
      // Waiting for its dependents is the collector's way; without one the record would stay for ever.
      const others = left.filter(({ name }) => name !== secret.name);
      if (others.length === 0) await client.delete('secrets', secret.name, { ...scope, propagation: 'Background' });
    }
    await pause(delay, signal);
    waited += delay;
  }

  async function leftOf(kube: KubeClient, { namespace: within }: DeleteOptions) {
    const lists = await Promise.all(
      OWNED.map(async (plural) => {
        const found = await kube
          .listMetadata(plural, { namespace: within, labelSelector: runSelector({ uid }), signal })
          .catch(unlessRefused);
        return (found?.items ?? []).map(({ metadata }) => ({
          plural,
          name: metadata.name,
          uid: metadata.uid,
          going: metadata.deletionTimestamp !== undefined,
        }));
      }),
    );
    return lists.flat();
  }
};

/** What we may not see or delete is left to the garbage collector. */
const unlessRefused = (error: unknown): undefined => {
  if (!isWaybillError(error, 'Forbidden')) throw error;
};
